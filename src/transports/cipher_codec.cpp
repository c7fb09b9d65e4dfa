#include "transports/cipher_codec.h"

#include <algorithm>

namespace ptproxy {

AesCtr cipher_of(const Secret<32>& key_and_counter) {
  ByteArray<16> counter;
  std::ranges::copy(key_and_counter.view().last(counter.size()), counter.begin());
  return {key_and_counter.view().first(16), counter};
}

Result<> CipherCodec::encode(ByteSpan plain, Burst& wire) {
  outgoing_.apply(plain);
  wire.append(plain);
  return {};
}

Result<> CipherCodec::decode(ByteSpan wire, Chunk& plain) {
  incoming_.apply(wire);
  plain.append(wire);
  return {};
}

}  // namespace ptproxy
