#pragma once
/// \file
/// obfs4 after its handshake: packets in frames, bursts of shaped lengths, and with an iat-mode shaped pauses.

#include <ptproxy/codec.h>
#include <ptproxy/random.h>

#include "transports/obfs4/packet.h"
#include "transports/obfs4/shaping.h"

#include <optional>

namespace ptproxy::obfs4 {

/// What becomes of a seed from the peer. Only a client takes one. Where the seed came right behind the server's hello,
/// obfs4proxy decodes it with what it reads next, and until then its bursts have lengths of its own.
enum class SeedRule { never, at_once, from_second_read };

class Obfs4Codec final : public Codec {
 public:
  /// `length_seed` is the bridge's drbg-seed on a server; a client starts with a random one and takes the bridge's when
  /// it comes. The random source outlives the codec.
  Obfs4Codec(SeedRule seed_rule, FrameEncoder encoder, FrameDecoder decoder, const SipHashDrbg::Seed& length_seed,
             const Shaping& shaping, Random& random);
  Result<> encode(ByteSpan plain, Burst& wire) override;
  Result<> decode(ByteSpan wire, Chunk& plain) override;

 private:
  Result<> append_padding(Burst& wire, std::size_t from, std::size_t target);
  Result<> append_packet(Burst& wire, ByteView data, std::size_t padding);
  Result<> cut_into_samples(Burst& wire);
  std::size_t sample_nonzero_length();
  void take_seed(ByteView seed);

  SeedRule seed_rule_;  // of the next read
  FrameEncoder encoder_;
  FrameDecoder decoder_;
  IatMode iat_mode_;
  CurrentShape shape_;
  std::optional<SipHashDrbg::Seed> pending_seed_;  // of the first read, if the second shall bring it about
  Random& random_;
};

}  // namespace ptproxy::obfs4
