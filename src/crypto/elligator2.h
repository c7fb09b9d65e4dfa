#pragma once
/// \file
/// Elligator 2 (Bernstein, Hamburg, Krasnova, Lange 2013) on Curve25519: public keys written as 32 bytes that nobody
/// can tell from random ones. Compatible with obfs4proxy from 0.0.12 on.

#include <ptproxy/bytes.h>
#include <ptproxy/random.h>

#include "crypto/x25519.h"

#include <optional>
#include <vector>

namespace ptproxy {

/// 32 bytes, little-endian: a number below 2^254, and two filler bits on top.
using Representative = ByteArray<32>;

/// The public key that a representative stands for. Never fails; the filler bits have no say. 0 gives 0, which the key
/// agreement rejects.
PublicKey public_key_of(const Representative& representative);

/// The representative of a public key, or nullopt, as for half of all keys. Of the two that there are, bit 0 of the
/// tweak chooses one; bits 6 and 7 become the filler. All three must be fair coins, or the result can be told from
/// random bytes.
std::optional<Representative> representative_of(const PublicKey& public_key, Byte tweak);

/// An X25519 key pair whose public key has a representative.
///
/// The public key lies anywhere on the curve: to the multiple of the base point a point of small order is added, which
/// a peer's clamped private key cancels. Ordinary public keys all lie in one subgroup, and that would show in their
/// representatives. So the public key is *not* X25519(private key, 9), and must be hashed as it stands here.
class KeyPair {
 public:
  KeyPair(const Secret<32>& scalar, const PublicKey& u, const Representative& encoded)
      : private_key(scalar), public_key(u), representative(encoded) {}
  /// Draws until a key has a representative: twice on average, and for an unforeseeable time.
  static KeyPair generate(Random& random);
  /// As many as cost least: one, or some four where the processor makes eight at once (crypto/lanes.h). Never none.
  static std::vector<KeyPair> generate_some(Random& random, bool side_by_side = lanes::available());

  Secret<32> private_key;  ///< as drawn, unclamped; X25519 clamps it whenever it is used
  PublicKey public_key;
  Representative representative;
};

/// The key pair of 32 random bytes and a random tweak; nullopt if the public key has no representative. The three bits
/// of the private key that clamping clears choose the point of small order.
std::optional<KeyPair> key_pair_from(const Secret<32>& private_key, Byte tweak);

}  // namespace ptproxy
