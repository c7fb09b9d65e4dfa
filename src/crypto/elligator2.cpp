#include "crypto/elligator2.h"

#include "crypto/fe25519.h"

#include <sodium.h>

namespace ptproxy {
namespace {

// Of the curve v^2 = u^3 + A u^2 + u.
constexpr Fe25519 A{486662};

constexpr Byte filler_bits = 0xc0;

// The multiples 0 ... 7 of a point of order 8, in Ed25519's encoding.
constexpr ByteArray<32> small_order_points[8] = {
    {0x01},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
     0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0x00},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
     0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
     0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0xfa},
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
     0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x85},
};

/// All eight rows are read, so that the cache does not learn which was wanted.
ByteArray<32> small_order_point(unsigned index) {
  ByteArray<32> point{};
  for (unsigned row = 0; row < 8; ++row) {
    const unsigned differs = row ^ index;
    const auto mask = static_cast<Byte>((differs - 1) >> 8);  // 0xff where nothing differs
    for (std::size_t i = 0; i < point.size(); ++i) point[i] |= small_order_points[row][i] & mask;
  }
  return point;
}

/// u = (1 + y)/(1 - y), for a point in Ed25519's encoding; the sign of x plays no part.
PublicKey montgomery_u(const ByteArray<32>& edwards) {
  const Fe25519 one(1);
  const Fe25519 y(edwards);
  return ((one + y) * (one - y).inverse()).bytes();
}

}  // namespace

PublicKey public_key_of(const Representative& representative) {
  // With the non-square 2: w = -A/(1 + 2 r^2); u is w where w is on the curve, else -w - A. Written over the common
  // denominator D, one inverse root serves for both the division and the question which of the two it is.
  auto number = representative;
  number[31] &= static_cast<Byte>(~filler_bits);
  const Fe25519 r_squared = Fe25519(number).square();
  const Fe25519 two_r_squared = r_squared + r_squared;
  const Fe25519 D = Fe25519(1) + two_r_squared;
  const Fe25519 D_squared = D.square();
  const Fe25519 N = A * (A.square() * two_r_squared - D_squared);
  const InverseRoot s = inverse_root(N * D_squared * D);
  const Fe25519 factor = Fe25519::select(s.is_square, Fe25519(1), -(root_of_minus_one() * two_r_squared));
  return (-(A * N * D_squared * s.root.square() * factor)).bytes();
}

std::optional<Representative> representative_of(const PublicKey& public_key, Byte tweak) {
  const Fe25519 u(public_key);
  const Fe25519 u_plus_A = u + A;
  const Fe25519 product = u * u_plus_A;
  const InverseRoot s = inverse_root(-(product + product));
  const Fe25519 r = s.root * Fe25519::select((tweak & 1) != 0, u_plus_A, u);
  // r and p - r stand for the same key; the one up to (p - 1)/2 leaves the two top bits free. Doubling wraps round p,
  // which is odd, exactly for the other.
  auto representative = Fe25519::select((r + r).is_odd(), -r, r).bytes();
  representative[31] |= tweak & filler_bits;
  if (!s.is_square) return std::nullopt;
  return representative;
}

std::optional<KeyPair> key_pair_from(const Secret<32>& private_key, Byte tweak) {
  ByteArray<32> clean;
  ByteArray<32> dirty;
  const auto small = small_order_point(private_key.data()[0] & 7);
  // The multiplication clamps its scalar, and refuses only the scalar 0.
  if (crypto_scalarmult_ed25519_base(clean.data(), private_key.data()) != 0) return std::nullopt;
  if (crypto_core_ed25519_add(dirty.data(), clean.data(), small.data()) != 0) return std::nullopt;
  const auto public_key = montgomery_u(dirty);
  const auto representative = representative_of(public_key, tweak);
  if (!representative) return std::nullopt;
  return KeyPair(private_key, public_key, *representative);
}

KeyPair KeyPair::generate(Random& random) {
  for (;;) {
    Secret<32> private_key;
    random.fill(private_key.span());
    const Byte tweak = random.bytes<1>()[0];
    if (auto pair = key_pair_from(private_key, tweak)) return *pair;
  }
}

}  // namespace ptproxy
