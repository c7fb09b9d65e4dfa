#include "wire/datagram_framing.h"

#include <algorithm>

namespace ptproxy {
namespace {

constexpr std::size_t prefix_size = 2;
constexpr std::size_t stun_header_size = 20;
constexpr std::size_t channel_header_size = 4;
constexpr std::size_t cookie_end = 8;
constexpr std::uint32_t magic_cookie = 0x2112A442;
// Buffers up to this size are kept for the next frame that comes in two pieces.
constexpr std::size_t kept_capacity = 2048;

/// Where a datagram lies in the stream that begins with it.
struct Unit {
  std::size_t whole;  ///< bytes of the stream
  std::size_t begin;  ///< of the datagram in them
  std::size_t size;   ///< of the datagram
};

constexpr std::size_t padded(std::size_t size) {
  return (size + 3) / 4 * 4;
}

/// Binding and Shared Secret: request, response, error response.
constexpr bool is_rfc3489_type(std::uint16_t type) {
  return type == 0x0001 || type == 0x0101 || type == 0x0111 || type == 0x0002 || type == 0x0102 || type == 0x0112;
}

Result<std::optional<Unit>> prefixed_unit(ByteView stream) {
  const auto length = Reader(stream).u16();
  if (!length) return std::optional<Unit>();
  if (*length > longest_datagram) return Errc::too_long;
  return Unit{prefix_size + *length, prefix_size, *length};
}

Result<std::optional<Unit>> stun_unit(ByteView stream) {
  if (!stream.empty() && (stream[0] & 0x80)) return Errc::bad_message;
  Reader reader(stream);
  const auto type = reader.u16(), length = reader.u16();
  if (!type || !length) return std::optional<Unit>();
  if (*type & 0x4000) {
    const std::size_t size = channel_header_size + *length;
    if (size > longest_datagram) return Errc::too_long;
    return Unit{padded(size), 0, size};
  }
  if (*length % 4 != 0) return Errc::bad_message;
  const std::size_t size = stun_header_size + *length;
  if (size > longest_datagram) return Errc::too_long;
  const auto cookie = reader.u32();
  if (!cookie) return std::optional<Unit>();
  if (*cookie != magic_cookie && !is_rfc3489_type(*type)) return Errc::bad_message;
  return Unit{size, 0, size};
}

/// nullopt when the header is not whole yet.
Result<std::optional<Unit>> next_unit(DatagramFraming framing, ByteView stream) {
  return framing == DatagramFraming::length_prefix ? prefixed_unit(stream) : stun_unit(stream);
}

}  // namespace

DatagramFrame::DatagramFrame(std::uint16_t length, ByteView body)
    : head_{static_cast<Byte>(length >> 8), static_cast<Byte>(length)}, head_size_(prefix_size), body_(body) {}

std::optional<DatagramFrame> frame_datagram(DatagramFraming framing, ByteView datagram) {
  if (datagram.size() > longest_datagram) return std::nullopt;
  if (framing == DatagramFraming::length_prefix)
    return DatagramFrame(static_cast<std::uint16_t>(datagram.size()), datagram);
  const auto unit = stun_unit(datagram);
  if (!unit || !*unit || (*unit)->size > datagram.size()) return std::nullopt;
  const auto [whole, begin, size] = **unit;
  // Behind ChannelData a datagram may have padding of its own; behind a STUN message there is nothing.
  if (!(datagram[0] & 0x40) && size != datagram.size()) return std::nullopt;
  return DatagramFrame(datagram.first(size), whole - size);
}

void DatagramReader::feed(ByteView stream) {
  fed_ = stream;
  if (finished_.capacity() > kept_capacity) Bytes().swap(finished_);
}

Result<std::optional<ByteView>> DatagramReader::next() {
  if (!begun_.empty()) return finish_begun();
  const auto unit = next_unit(framing_, fed_);
  if (!unit) return unit.error();
  if (!*unit || (*unit)->whole > fed_.size()) {
    begun_.assign(fed_.begin(), fed_.end());
    fed_ = {};
    return std::optional<ByteView>();
  }
  const auto datagram = fed_.subspan((*unit)->begin, (*unit)->size);
  fed_ = fed_.subspan((*unit)->whole);
  return std::optional(datagram);
}

Result<std::optional<ByteView>> DatagramReader::finish_begun() {
  for (;;) {
    const auto unit = next_unit(framing_, begun_);
    if (!unit) return unit.error();
    const auto wanted = *unit ? (*unit)->whole : begun_.size() + 1;
    if (begun_.size() >= wanted) {
      finished_.swap(begun_);
      if (begun_.capacity() > kept_capacity) Bytes().swap(begun_);
      begun_.clear();
      return std::optional(ByteView(finished_).subspan((*unit)->begin, (*unit)->size));
    }
    const auto more = fed_.first(std::min(wanted - begun_.size(), fed_.size()));
    if (more.empty()) return std::optional<ByteView>();
    if (*unit) begun_.reserve((*unit)->whole);
    begun_.insert(begun_.end(), more.begin(), more.end());
    fed_ = fed_.subspan(more.size());
  }
}

}  // namespace ptproxy
