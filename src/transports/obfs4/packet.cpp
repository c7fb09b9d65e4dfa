#include "transports/obfs4/packet.h"

#include <algorithm>

namespace ptproxy::obfs4 {

std::optional<Packet> parse_packet(ByteView payload) {
  Reader reader(payload);
  const auto type = reader.u8();
  const auto length = reader.u16();
  if (!type || !length) return std::nullopt;
  const auto data = reader.take(*length);
  if (!data) return std::nullopt;
  return Packet{*type, *data};
}

Result<std::size_t> write_packet(FrameEncoder& encoder, ByteSpan out, PacketType type, ByteView data,
                                 std::size_t padding) {
  const auto frame = out.first(packet_overhead + data.size() + padding);
  auto payload = frame.subspan(frame_overhead);
  payload[0] = static_cast<Byte>(type);
  payload[1] = static_cast<Byte>(data.size() >> 8);
  payload[2] = static_cast<Byte>(data.size());
  const auto end = std::ranges::copy(data, payload.begin() + packet_header).out;
  std::fill(end, payload.end(), Byte{0});
  auto sealed = encoder.seal(frame);
  if (!sealed) return sealed.error();
  return frame.size();
}

Padding pad_burst(std::size_t burst_size, std::size_t target) {
  const auto gap = gap_to(target, burst_size);
  Padding padding;
  if (gap > packet_overhead) {
    padding.first = gap - packet_overhead;
  } else if (gap > 0) {
    // One frame cannot be that small. obfs4proxy sends a full one and a second one that misses the target by its own
    // overhead; to look the same, so do we.
    padding.first = largest_packet_data;
    padding.second = gap;
  }
  return padding;
}

}  // namespace ptproxy::obfs4
