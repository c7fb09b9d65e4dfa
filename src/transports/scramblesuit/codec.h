#pragma once
/// \file
/// ScrambleSuit after its handshake: messages, in bursts whose lengths a table gives.

#include <ptproxy/codec.h>
#include <ptproxy/random.h>

#include "crypto/weighted_dist.h"
#include "transports/recent.h"
#include "transports/scramblesuit/message.h"
#include "transports/scramblesuit/ticket.h"

#include <functional>

namespace ptproxy::scramblesuit {

/// The tables of the last few seeds.
using LengthTables = Recent<SipHashDrbg::Seed, WeightedDist>;

/// Sizes of the one or two messages, all padding, that bring a burst of `burst_size` bytes to `target` (21 ... 1448)
/// modulo the segment size.
class Padding {
 public:
  std::size_t first;
  std::optional<std::size_t> second;
};
Padding pad_burst(std::size_t burst_size, std::size_t target);

class ScrambleSuitCodec final : public Codec {
 public:
  using OnTicket = std::function<void(const Ticket&)>;
  /// `seed` gives the lengths; a client starts with a random one and takes the server's when it comes. Tickets go to
  /// `on_ticket`; a server has none, and takes neither tickets nor seeds. What is passed by reference outlives the
  /// codec.
  ScrambleSuitCodec(MessageEncoder encoder, MessageDecoder decoder, LengthTables& tables, const SipHashDrbg::Seed& seed,
                    Random& random, OnTicket on_ticket);
  Result<> encode(ByteSpan plain, Burst& wire) override;
  Result<> decode(ByteSpan wire, Chunk& plain) override;

 private:
  void append(Burst& wire, ByteView payload, std::size_t padding);
  std::size_t sample_length();
  Result<> take(const Message& message, Chunk& plain);

  MessageEncoder encoder_;
  MessageDecoder decoder_;
  LengthTables& tables_;
  SipHashDrbg::Seed seed_;
  std::shared_ptr<const WeightedDist> lengths_;  // made when first needed: a client's first seed seldom is
  Random& random_;
  OnTicket on_ticket_;
};

}  // namespace ptproxy::scramblesuit
