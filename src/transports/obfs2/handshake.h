#pragma once
/// \file
/// obfs2's handshake: each side sends a seed in the clear and, encrypted under keys made of it, a magic number and
/// padding. Who watches can do the same: this hides a stream only from those who do not know obfs2.

#include <ptproxy/random.h>

#include "transports/codec_transport.h"
#include "transports/obfs2/key_derivation.h"

namespace ptproxy::obfs2 {

inline constexpr std::size_t seed_size = 16;
inline constexpr std::size_t header_size = 8;  // magic, padding length
inline constexpr std::uint32_t magic = 0x2bf5ca7e;
inline constexpr std::uint32_t largest_padding = 8192;

enum class Side { initiator, responder };

class Obfs2Handshake final : public TransportHandshake {
 public:
  /// The random source is used here and in advance() only.
  Obfs2Handshake(Side side, const KeyDerivation& derivation, Random& random);
  /// Neither side waits for the other's word. Errc::handshake_failed for a wrong magic number, be it that the peer does
  /// not speak obfs2 or that it has another shared secret, and for too much padding.
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;
  Work take_work() override { return std::exchange(work_, nullptr); }
  std::unique_ptr<Codec> codec() override;

 private:
  class DataKeys {
   public:
    Secret<32> outgoing, incoming;
  };

  template <class T, class Make>
  void compute(Computed<T>& value, Make make);
  void say(ByteQueue& out);
  Result<> read_header(ByteView header);
  void compute_data_keys(ByteView peer_seed);

  Side side_;
  KeyDerivation derivation_;
  Random& random_;
  ByteArray<seed_size> seed_;
  Work work_;
  bool said_ = false;
  Computed<Secret<32>> own_padding_key_, peer_padding_key_;
  Computed<DataKeys> data_keys_;
  std::uint32_t peer_padding_ = 0;
};

}  // namespace ptproxy::obfs2
