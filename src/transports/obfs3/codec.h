#pragma once
/// \file
/// obfs3 after the key exchange: more padding and a magic value, then nothing but encrypted bytes.

#include "transports/cipher_codec.h"
#include "transports/obfs3/handshake.h"

namespace ptproxy::obfs3 {

class Obfs3Codec final : public Codec {
 public:
  /// The random source outlives the codec.
  Obfs3Codec(const SessionKeys::Direction& outgoing, const SessionKeys::Direction& incoming, Random& random);
  /// Sends the magic value with the first bytes. A side that waited for the peer's would wait for ever: obfs4proxy does
  /// the same.
  Result<> encode(ByteSpan plain, Burst& wire) override;
  /// Errc::bad_message when the magic value is not behind at most two paddings.
  Result<> decode(ByteSpan wire, Chunk& plain) override;

 private:
  /// Takes the peer's padding and magic from the front of `wire`, as far as they are there.
  Result<> find_magic(ByteSpan& wire);

  CipherCodec cipher_;
  Magic own_magic_, peer_magic_;
  Random& random_;
  bool said_magic_ = false, heard_magic_ = false;
  Bytes searched_;
};

}  // namespace ptproxy::obfs3
