#include <ptproxy/bytes.h>

namespace ptproxy {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::size_t group = 8;  // letters for 5 bytes

}  // namespace

std::string to_base32(ByteView bytes) {
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;
  for (Byte byte : bytes) {
    bits = bits << 8 | byte;
    for (count += 8; count >= 5; count -= 5) text += alphabet[bits >> (count - 5) & 31];
  }
  if (count > 0) text += alphabet[bits << (5 - count) & 31];
  while (text.size() % group != 0) text += '=';
  return text;
}

std::optional<Bytes> from_base32(std::string_view text) {
  if (text.size() % group == 0)
    for (int padding = 0; padding < 6 && text.ends_with('='); ++padding) text.remove_suffix(1);
  Bytes bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (char letter : text) {
    const auto value = alphabet.find(letter);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 5 | static_cast<std::uint32_t>(value);
    count += 5;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<Byte>(bits >> count));
  }
  // 1, 3 or 6 letters in the last group end in the middle of a byte.
  if (count >= 5) return std::nullopt;
  return bytes;
}

}  // namespace ptproxy
