#pragma once
/// \file
/// What is inside a frame: type (1 byte), data length (2, big-endian), data, padding.

#include "transports/obfs4/framing.h"

namespace ptproxy::obfs4 {

inline constexpr std::size_t packet_header = 3;
inline constexpr std::size_t largest_packet_data = largest_payload - packet_header;
/// What a packet costs on the wire beyond its data and padding.
inline constexpr std::size_t packet_overhead = frame_overhead + packet_header;

enum class PacketType : Byte { data = 0, prng_seed = 1 };

class Packet {
 public:
  Byte type;
  ByteView data;
};

/// nullopt when the payload is too short for what it claims. The view is into `payload`.
std::optional<Packet> parse_packet(ByteView payload);

/// Writes a sealed packet to the front of `out` and gives its size, packet_overhead + data + padding.
Result<std::size_t> write_packet(FrameEncoder& encoder, ByteSpan out, PacketType type, ByteView data,
                                 std::size_t padding);

/// Payloads, all padding, of the at most two frames that bring a burst of `burst_size` bytes to `target` (0 ... 1448)
/// modulo the segment size: {first, second} bytes of padding, nullopt for no frame.
class Padding {
 public:
  std::optional<std::size_t> first, second;
};
Padding pad_burst(std::size_t burst_size, std::size_t target);

}  // namespace ptproxy::obfs4
