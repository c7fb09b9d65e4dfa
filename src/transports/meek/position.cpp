#include "transports/meek/position.h"

#include <fmt/format.h>

#include <charconv>

namespace ptproxy::meek {
namespace {

std::string_view next_word(std::string_view& text) {
  const auto size = std::min(text.find(' '), text.size());
  const auto word = text.substr(0, size);
  text.remove_prefix(std::min(size + 1, text.size()));
  return word;
}

std::optional<std::uint64_t> number(std::string_view word) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(word.data(), word.data() + word.size(), value);
  // Half of the range is more than anybody sends, and leaves room to add to it.
  if (ec != std::errc{} || end != word.data() + word.size() || value > UINT64_MAX / 2) return std::nullopt;
  return value;
}

}  // namespace

std::string to_string(const Position& position) {
  return fmt::format("{} {}{}{}", position.sent, position.received, position.end ? " end" : "",
                     position.hold ? " hold" : "");
}

std::optional<Position> parse_position(std::string_view text) {
  const auto sent = number(next_word(text));
  const auto received = number(next_word(text));
  if (!sent || !received) return std::nullopt;
  Position position(*sent, *received);
  while (!text.empty()) {
    const auto word = next_word(text);
    position.end |= word == "end";
    position.hold |= word == "hold";
  }
  return position;
}

}  // namespace ptproxy::meek
