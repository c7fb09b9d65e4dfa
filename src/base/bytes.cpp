#include <ptproxy/bytes.h>

#include <sodium.h>

#include <algorithm>

namespace ptproxy {

std::optional<std::uint8_t> Reader::u8() {
  auto bytes = take(1);
  if (!bytes) return std::nullopt;
  return (*bytes)[0];
}

std::optional<std::uint16_t> Reader::u16() {
  auto bytes = take(2);
  if (!bytes) return std::nullopt;
  return static_cast<std::uint16_t>((*bytes)[0] << 8 | (*bytes)[1]);
}

std::optional<std::uint32_t> Reader::u32() {
  auto bytes = take(4);
  if (!bytes) return std::nullopt;
  std::uint32_t number = 0;
  for (Byte b : *bytes) number = number << 8 | b;
  return number;
}

std::optional<ByteView> Reader::take(std::size_t n) {
  if (rest_.size() < n) return std::nullopt;
  auto taken = rest_.first(n);
  rest_ = rest_.subspan(n);
  return taken;
}

std::optional<ByteView> Reader::take_until(Byte end) {
  const auto found = std::ranges::find(rest_, end);
  if (found == rest_.end()) return std::nullopt;
  auto taken = rest_.first(static_cast<std::size_t>(found - rest_.begin()));
  rest_ = rest_.subspan(taken.size() + 1);
  return taken;
}

ByteSpan ByteQueue::append_space(std::size_t n) {
  bytes_.resize(bytes_.size() + n);
  return ByteSpan(bytes_).last(n);
}

void ByteQueue::append(ByteView more) {
  // Bytes already taken are given up only when that is cheaper than growing, so that a queue fed and drained in small
  // pieces stays linear.
  if (begin_ > bytes_.size() / 2) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }
  bytes_.insert(bytes_.end(), more.begin(), more.end());
}

void ByteQueue::append_u16(std::uint16_t number) {
  const Byte bytes[] = {static_cast<Byte>(number >> 8), static_cast<Byte>(number)};
  append(ByteView(bytes));
}

void ByteQueue::append_u32(std::uint32_t number) {
  append_u16(static_cast<std::uint16_t>(number >> 16));
  append_u16(static_cast<std::uint16_t>(number));
}

void ByteQueue::drop_front(std::size_t n) {
  begin_ += n;
  if (begin_ < bytes_.size()) return;
  Bytes().swap(bytes_);  // assigning {} would keep the memory
  begin_ = 0;
}

std::string to_hex(ByteView bytes) {
  std::string text(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
  text.pop_back();
  return text;
}

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.empty()) return Bytes();  // libsodium takes no null pointers
  Bytes bytes(text.size() / 2);
  std::size_t length = 0;
  const char* end = nullptr;
  if (text.size() % 2 != 0 ||
      sodium_hex2bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &length, &end) != 0 ||
      end != text.data() + text.size())
    return std::nullopt;
  return bytes;
}

std::string to_base64(ByteView bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();
  return text;
}

std::optional<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 == 0)
    for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  Bytes bytes(text.size() / 4 * 3 + 3);
  std::size_t length = 0;
  const char* end = nullptr;
  if (sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &length, &end,
                        sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0 ||
      end != text.data() + text.size())
    return std::nullopt;
  bytes.resize(length);
  return bytes;
}

bool equal_in_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(ByteSpan secret) {
  sodium_memzero(secret.data(), secret.size());
}

void wipe(std::string& secret) {
  wipe({reinterpret_cast<Byte*>(secret.data()), secret.size()});
}

}  // namespace ptproxy
