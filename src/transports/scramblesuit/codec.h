#pragma once
/// \file
/// ScrambleSuit after its handshake: messages, in bursts whose lengths a table gives.

#include <ptproxy/codec.h>
#include <ptproxy/random.h>

#include "transports/scramblesuit/message.h"
#include "transports/scramblesuit/ticket.h"
#include "transports/shape.h"

#include <functional>

namespace ptproxy::scramblesuit {

/// Sizes of the one or two messages, all padding, that bring a burst of `burst_size` bytes to `target` (21 ... 1448)
/// modulo the segment size.
class Padding {
 public:
  std::size_t first;
  std::optional<std::size_t> second;
};
Padding pad_burst(std::size_t burst_size, std::size_t target);

/// What a seed is drawn for: bursts of 21 ... 1448 bytes, with rests between their segments where the operator wants
/// them.
constexpr ShapeForm shape_form(bool inter_arrival) {
  return {message_overhead, true, inter_arrival};
}

class ScrambleSuitCodec final : public Codec {
 public:
  using OnTicket = std::function<void(const Ticket&)>;
  /// The first ticket goes to `on_ticket`; a server has none, and takes neither tickets nor seeds. What is passed by
  /// reference outlives the codec.
  ScrambleSuitCodec(MessageEncoder encoder, MessageDecoder decoder, const CurrentShape& shape, Random& random,
                    OnTicket on_ticket);
  Result<> encode(ByteSpan plain, Burst& wire) override;
  Result<> decode(ByteSpan wire, Chunk& plain) override;

 private:
  void append(Burst& wire, ByteView payload, std::size_t padding);
  Result<> take(const Message& message, Chunk& plain);

  MessageEncoder encoder_;
  MessageDecoder decoder_;
  CurrentShape shape_;
  Random& random_;
  OnTicket on_ticket_;
  bool took_ticket_ = false;
};

}  // namespace ptproxy::scramblesuit
