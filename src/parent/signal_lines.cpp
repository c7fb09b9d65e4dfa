#include "parent/signal_lines.h"

#include <ptproxy/args.h>
#include <ptproxy/bytes.h>

#include "crypto/hash.h"

#include <algorithm>
#include <utility>

namespace ptproxy {
namespace {

constexpr std::size_t id_bytes = 8;

constexpr std::string_view keyword(SignalDirection direction) {
  return direction == SignalDirection::to_server ? "CMESSAGE" : "SMESSAGE";
}

constexpr SignalDirection opposite(SignalDirection direction) {
  return direction == SignalDirection::to_server ? SignalDirection::to_client : SignalDirection::to_server;
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \r\n") - begin + 1);
}

/// The word up to the next space, which is taken too.
std::string_view take_word(std::string_view& text) {
  const auto end = text.find(' ');
  const auto word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

}  // namespace

std::string SignalLine::id() const {
  const auto hash =
      sha256({as_bytes(keyword(direction_)), as_bytes(" "), as_bytes(transport_), as_bytes(" "), as_bytes(payload_)});
  return to_hex(ByteView(hash).first(id_bytes));
}

std::string SignalLine::to_string() const {
  std::string line(keyword(direction_));
  for (const std::string& part : {transport_, id(), payload_}) (line += ' ') += part;
  return line;
}

Checked<> check_payload(std::string_view payload) {
  if (payload.size() > SignalLine::longest_payload) return Refusal("a message passes 3900 bytes");
  if (!std::ranges::all_of(payload, [](char c) { return c >= 0x20 && c <= 0x7e; }))
    return Refusal("a message is not printable ASCII");
  const auto fields = parse_json_args(payload);
  if (!payload.starts_with('{') || (!fields && fields.error() == Errc::bad_message))
    return Refusal("a message is not a JSON object");
  if (fields && !fields->find("t")) return Refusal("a message does not tell its kind");
  return {};
}

Result<SignalLine> parse_signal_line(std::string_view line, SignalDirection direction) {
  if (line.size() >= SignalLine::longest) return make_error_code(Errc::too_long);
  auto rest = trim(line);
  const auto word = take_word(rest);
  if (word == keyword(opposite(direction))) return make_error_code(Errc::forbidden);
  if (word != keyword(direction)) return make_error_code(Errc::unsupported);
  std::string transport(take_word(rest));
  const auto id = take_word(rest);
  SignalLine signal(direction, std::move(transport), std::string(rest));
  if (signal.id() != id || !check_payload(rest)) return make_error_code(Errc::bad_message);
  return signal;
}

bool RecentIds::seen(std::string id, TimePoint now) {
  while (!ids_.empty() && now - ids_.front().second >= signal_repeat_after) ids_.pop_front();
  if (std::ranges::any_of(ids_, [&](const auto& known) { return known.first == id; })) return true;
  if (ids_.size() == capacity) ids_.pop_front();
  ids_.emplace_back(std::move(id), now);
  return false;
}

std::vector<std::string> LineSplitter::split(std::string_view part) {
  std::vector<std::string> lines;
  for (;;) {
    const auto end = part.find('\n');
    const auto piece = part.substr(0, end);
    if (begun_.size() + piece.size() >= SignalLine::longest) {
      begun_.clear();
      too_long_ = true;
    }
    if (!too_long_) begun_ += piece;
    if (end == std::string_view::npos) return lines;
    if (!std::exchange(too_long_, false)) lines.push_back(std::exchange(begun_, {}));
    part.remove_prefix(end + 1);
  }
}

}  // namespace ptproxy
