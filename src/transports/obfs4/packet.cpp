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

}  // namespace ptproxy::obfs4
