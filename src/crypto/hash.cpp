#include "crypto/hash.h"

#include <sodium.h>

#include <algorithm>
#include <stdexcept>

namespace ptproxy {

ByteArray<32> sha256(std::initializer_list<ByteView> parts) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  for (ByteView part : parts) crypto_hash_sha256_update(&state, part.data(), part.size());
  ByteArray<32> digest;
  crypto_hash_sha256_final(&state, digest.data());
  sodium_memzero(&state, sizeof state);
  return digest;
}

ByteArray<32> hmac_sha256(ByteView key, std::initializer_list<ByteView> parts) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, key.data(), key.size());
  for (ByteView part : parts) crypto_auth_hmacsha256_update(&state, part.data(), part.size());
  ByteArray<32> tag;
  crypto_auth_hmacsha256_final(&state, tag.data());
  sodium_memzero(&state, sizeof state);
  return tag;
}

ByteArray<16> hmac_sha256_128(ByteView key, std::initializer_list<ByteView> parts) {
  const auto tag = hmac_sha256(key, parts);
  ByteArray<16> front;
  std::copy_n(tag.begin(), front.size(), front.begin());
  return front;
}

Secret<32> hkdf_extract(ByteView salt, ByteView key_material) {
  auto key = hmac_sha256(salt, {key_material});
  Secret<32> kept(key);
  wipe(key);
  return kept;
}

void hkdf_expand(ByteView key, ByteView info, ByteSpan out) {
  ByteArray<32> block;
  if (out.size() > 255 * block.size()) throw std::length_error("HKDF gives 8160 bytes at most");
  ByteView previous;
  for (Byte number = 1; !out.empty(); ++number) {
    block = hmac_sha256(key, {previous, info, ByteView(&number, 1)});
    const auto taken = std::min(out.size(), block.size());
    std::copy_n(block.begin(), taken, out.begin());
    out = out.subspan(taken);
    previous = block;
  }
  wipe(block);
}

}  // namespace ptproxy
