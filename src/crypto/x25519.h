#pragma once
/// \file
/// X25519 (RFC 7748 section 5).

#include <ptproxy/bytes.h>

#include "crypto/lanes.h"

#include <array>

namespace ptproxy {

/// The u coordinate of a point of Curve25519, 32 bytes, little-endian.
using PublicKey = ByteArray<32>;

/// X25519(private_key, 9): the public key of a bridge's long-lived private key. Handshake keys are made by
/// KeyPair::generate.
PublicKey x25519_public_key(const Secret<32>& private_key);

/// The multiplier that X25519 makes of a private key: between 2^254 and 2^255, and one of 8.
Secret<32> clamped(Secret<32> private_key);

/// What a secret is made of: one's own key, and somebody's. Both outlive it.
struct KeysToAgree {
  const Secret<32>& private_key;
  const PublicKey& public_key;
};

/// The shared secrets of both, zero where the public key has small order.
std::array<Secret<32>, 2> x25519(const KeysToAgree& first, const KeysToAgree& second,
                                 bool side_by_side = lanes::available());

}  // namespace ptproxy
