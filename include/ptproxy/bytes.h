#pragma once
/// \file
/// Looking at bytes, collecting them, and turning them into text and back.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ptproxy {

using Byte = std::uint8_t;
/// Somebody else's bytes, to read.
using ByteView = std::span<const Byte>;
/// Somebody else's bytes, to write.
using ByteSpan = std::span<Byte>;
using Bytes = std::vector<Byte>;
template <std::size_t N>
using ByteArray = std::array<Byte, N>;

/// The bytes of a text. The text must outlive the view.
inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const Byte*>(text.data()), text.size()};
}

/// Bytes as text, without any check. The bytes must outlive the view.
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Takes big-endian numbers and runs of bytes from the front of a view. Every taker gives nullopt, and takes nothing,
/// when too little is left.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}
  std::optional<std::uint8_t> u8();
  std::optional<std::uint16_t> u16();
  std::optional<std::uint32_t> u32();
  std::optional<ByteView> take(std::size_t n);
  /// Everything up to the first `end`, which is taken too but not returned.
  std::optional<ByteView> take_until(Byte end);
  ByteView rest() const { return rest_; }

 private:
  ByteView rest_;
};

/// Bytes that arrived and are not understood yet, or that are to be said. Owns no memory while empty.
class ByteQueue {
 public:
  bool empty() const { return begin_ == bytes_.size(); }
  std::size_t size() const { return bytes_.size() - begin_; }
  ByteView view() const { return ByteView(bytes_).subspan(begin_); }
  void append(ByteView more);
  /// So many bytes to be filled in, zeros until then. Good until the queue is next touched.
  ByteSpan append_space(std::size_t n);
  void append(Byte byte) { append(ByteView(&byte, 1)); }
  void append_u16(std::uint16_t number);
  void append_u32(std::uint32_t number);
  /// n must not exceed size().
  void drop_front(std::size_t n);

 private:
  Bytes bytes_;
  std::size_t begin_ = 0;
};

/// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);
/// Either case; nullopt for an odd length or any other character.
std::optional<Bytes> from_hex(std::string_view text);
/// Standard alphabet (RFC 4648 section 4), with its `=` padding.
std::string to_base64(ByteView bytes);
/// Standard alphabet; padding may be there or not. nullopt for anything else.
std::optional<Bytes> from_base64(std::string_view text);

/// RFC 4648 section 6, with its `=` padding.
std::string to_base32(ByteView bytes);
/// Upper case; padding may be there or not. nullopt for anything else.
std::optional<Bytes> from_base32(std::string_view text);

/// Takes the same time whatever the contents are. Views of different sizes are unequal.
bool equal_in_constant_time(ByteView a, ByteView b);
/// Overwrites with zeros in a way that the compiler keeps.
void wipe(ByteSpan secret);
void wipe(std::string& secret);

/// N bytes of key material, wiped when they die.
template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  explicit Secret(ByteView bytes) {
    for (std::size_t i = 0; i < N && i < bytes.size(); ++i) bytes_[i] = bytes[i];
  }
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { wipe(bytes_); }
  ByteView view() const { return bytes_; }
  ByteSpan span() { return bytes_; }
  const Byte* data() const { return bytes_.data(); }
  Byte* data() { return bytes_.data(); }
  static constexpr std::size_t size() { return N; }

 private:
  ByteArray<N> bytes_{};
};

}  // namespace ptproxy
