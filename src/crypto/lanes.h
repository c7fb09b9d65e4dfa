#pragma once
/// \file
/// Curve25519 several points at a time, in the eight lanes of AVX-512 with its multiplier of 52 bits (IFMA). No library
/// offers that, and one connection after the other is set up by little else: two multiplications cost less than half
/// of one by libsodium, eight as much as one. Nothing here branches on a number or looks up by one.

#include <ptproxy/bytes.h>

#include "crypto/fe25519.h"

#include <array>

namespace ptproxy::lanes {

inline constexpr std::size_t count = 8;

/// Whether this processor, and the system on it, can. Where they cannot, nothing else here may be called.
bool available();

/// A coordinate u of the curve v^2 = u^3 + A u^2 + u, without the division; 0/0 never.
struct Fraction {
  Fe25519 number, denominator;
};

/// 256 bits each, little-endian, taken as they are: nothing is clamped.
template <std::size_t N>
using Scalars = std::array<Secret<32>, N>;

/// The u coordinates of each scalar's multiple of its point, 0 for the point at infinity. The points are given by their
/// u coordinates, as X25519 reads them (RFC 7748 section 5).
std::array<Secret<32>, 2> multiply(const Scalars<2>& scalars, const ByteArray<32>& first, const ByteArray<32>& second);

/// The u coordinates of each scalar's multiple of one point.
std::array<Fraction, count> multiply(const Scalars<count>& scalars, const Fe25519& point);

/// x^((p - 5)/8) of each.
std::array<Fe25519, count> pow_p58(const std::array<Fe25519, count>& x);

}  // namespace ptproxy::lanes
