#pragma once
/// \file
/// UniformDH (obfs3 protocol specification, section 2): Diffie-Hellman in the 1536-bit group of RFC 3526 section 2,
/// with public keys that look like 192 random bytes. Made by obfs3 and ScrambleSuit.

#include <ptproxy/bytes.h>
#include <ptproxy/random.h>

#include <span>

namespace ptproxy {

/// One side's key pair. Making one, and each shared secret, takes some milliseconds and shares nothing that changes:
/// fit for a worker thread.
class UniformDh {
 public:
  static constexpr std::size_t key_size = 192;

  /// From 192 random bytes: a big-endian number whose lowest bit says which of two forms the public key takes, and
  /// which without that bit is the exponent.
  explicit UniformDh(const Secret<key_size>& random_bytes);
  static UniformDh generate(Random& random);

  /// What is sent: g^x or p - g^x, big-endian.
  const ByteArray<key_size>& public_key() const { return public_key_; }

  /// The secret shared with a peer, big-endian. Takes any 192 bytes, as every implementation does: there is no
  /// authentication that a refusal could protect, and a prober would notice it.
  Secret<key_size> shared_secret(std::span<const Byte, key_size> peer) const;

 private:
  Secret<key_size> exponent_;
  ByteArray<key_size> public_key_;
};

}  // namespace ptproxy
