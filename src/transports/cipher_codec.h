#pragma once
/// \file
/// A key stream in each direction over the bytes as they are: no frames, no lengths, no integrity. obfs2 and obfs3.

#include <ptproxy/codec.h>

#include "crypto/stream_cipher.h"

namespace ptproxy {

/// AES-128 in counter mode from 16 bytes of key and 16 of counter block.
AesCtr cipher_of(const Secret<32>& key_and_counter);

class CipherCodec final : public Codec {
 public:
  CipherCodec(AesCtr outgoing, AesCtr incoming) : outgoing_(std::move(outgoing)), incoming_(std::move(incoming)) {}
  Result<> encode(ByteSpan plain, Burst& wire) override;
  Result<> decode(ByteSpan wire, Chunk& plain) override;

 private:
  AesCtr outgoing_, incoming_;
};

}  // namespace ptproxy
