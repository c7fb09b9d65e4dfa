#pragma once
/// \file
/// obfs3's handshake: UniformDH public keys, which look like random bytes, and padding. Whoever asks gets an answer:
/// this hides a stream from those who watch and not from those who probe.

#include <ptproxy/random.h>

#include "crypto/uniform_dh.h"
#include "transports/codec_transport.h"

namespace ptproxy::obfs3 {

/// Of one of the two paddings that a side sends.
inline constexpr std::uint32_t largest_padding = 4097;
inline constexpr std::size_t magic_size = 32;
using Magic = ByteArray<magic_size>;

enum class Side { initiator, responder };

/// What both sides make of the shared secret (obfs3 protocol specification, section 3).
class SessionKeys {
 public:
  explicit SessionKeys(const Secret<UniformDh::key_size>& shared_secret);
  class Direction {
   public:
    Secret<32> key_and_counter;
    Magic magic;
  };
  Direction from_initiator, from_responder;
};

class Obfs3Handshake final : public TransportHandshake {
 public:
  /// The random source outlives this and the codec.
  Obfs3Handshake(Side side, const Secret<UniformDh::key_size>& private_key, Random& random);
  /// Never fails: any 192 bytes are a public key.
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;
  Work take_work() override { return std::exchange(work_, nullptr); }
  std::unique_ptr<Codec> codec() override;

 private:
  Side side_;
  Random& random_;
  Work work_;
  bool said_ = false;
  Computed<UniformDh> pair_;
  Computed<SessionKeys> keys_;
};

}  // namespace ptproxy::obfs3
