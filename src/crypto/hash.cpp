#include "crypto/hash.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <stdexcept>

namespace ptproxy {
namespace {

/// A running SHA-256. From OpenSSL, which uses the processor's own instructions for it: three times as fast here as
/// portable code, and ScrambleSuit hashes every byte. By the plain functions, though OpenSSL would rather be asked by
/// way of EVP: a handshake takes some thirty digests of a few blocks, and EVP's share of them was more than the
/// hashing's.
class Sha256 {
 public:
  Sha256() = default;
  /// Goes on from where the other stands.
  Sha256(const Sha256&) = default;
  Sha256& operator=(const Sha256&) = delete;
  ~Sha256() { OPENSSL_cleanse(&state_, sizeof state_); }
  void start() { SHA256_Init(&state_); }
  void add(ByteView bytes) { SHA256_Update(&state_, bytes.data(), bytes.size()); }
  void add(std::initializer_list<ByteView> parts) {
    for (ByteView part : parts) add(part);
  }
  ByteArray<32> finish() {
    ByteArray<32> digest;
    SHA256_Final(digest.data(), &state_);
    return digest;
  }

 private:
  SHA256_CTX state_{};
};

constexpr std::size_t hmac_block = 64;

/// A running HMAC-SHA256.
class Hmac {
 public:
  explicit Hmac(ByteView key) : pad_(key) {
    if (key.size() > hmac_block) pad_ = Secret<hmac_block>(sha256({key}));
    for (Byte& byte : pad_.span()) byte ^= 0x36;
    hash_.start();
    hash_.add(pad_.view());
  }
  void add(std::initializer_list<ByteView> parts) { hash_.add(parts); }
  ByteArray<32> finish() {
    auto inner = hash_.finish();
    for (Byte& byte : pad_.span()) byte ^= 0x36 ^ 0x5c;
    hash_.start();
    hash_.add(pad_.view());
    hash_.add(inner);
    wipe(inner);
    return hash_.finish();
  }

 private:
  Secret<hmac_block> pad_;
  Sha256 hash_;
};

ByteArray<16> front_of(const ByteArray<32>& tag) {
  ByteArray<16> front;
  std::copy_n(tag.begin(), front.size(), front.begin());
  return front;
}

}  // namespace

ByteArray<32> sha256(std::initializer_list<ByteView> parts) {
  Sha256 hash;
  hash.start();
  hash.add(parts);
  return hash.finish();
}

ByteArray<32> hmac_sha256(ByteView key, std::initializer_list<ByteView> parts) {
  Hmac hmac(key);
  hmac.add(parts);
  return hmac.finish();
}

ByteArray<16> hmac_sha256_128(ByteView key, std::initializer_list<ByteView> parts) {
  return front_of(hmac_sha256(key, parts));
}

std::vector<ByteArray<16>> hmac_sha256_128_each(ByteView key, ByteView beginning, std::span<const std::string> ends) {
  Hmac begun(key);
  begun.add({beginning});
  std::vector<ByteArray<16>> tags;
  for (const auto& end : ends) {
    Hmac hmac = begun;
    hmac.add({as_bytes(end)});
    tags.push_back(front_of(hmac.finish()));
  }
  return tags;
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
