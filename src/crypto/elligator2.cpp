#include "crypto/elligator2.h"

#include "crypto/fe25519.h"
#include "crypto/lanes.h"
#include "crypto/x25519.h"

#include <sodium.h>

#include <vector>

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

/// A point of the curve -x^2 + y^2 = 1 + d x^2 y^2.
struct EdwardsPoint {
  Fe25519 x, y;
};

const Fe25519& edwards_d() {
  static const Fe25519 d = -(Fe25519(121665) * Fe25519(121666).inverse());
  return d;
}

/// The point that Ed25519 encodes so: y, and in the top bit whether x is odd. The bytes are those of a point.
EdwardsPoint decode(const ByteArray<32>& edwards) {
  const Fe25519 one(1);
  const Fe25519 y(edwards);
  const Fe25519 y_squared = y.square();
  const Fe25519 N = y_squared - one;
  const Fe25519 D = edwards_d() * y_squared + one;
  const Fe25519 x = N * inverse_root(N * D).root;
  return {Fe25519::select(x.is_odd() != (edwards[31] >> 7 != 0), -x, x), y};
}

/// All eight rows are read, so that the cache does not learn which was wanted.
EdwardsPoint small_order_point(unsigned index) {
  static const auto points = [] {
    std::vector<EdwardsPoint> decoded;
    for (const auto& encoded : small_order_points) decoded.push_back(decode(encoded));
    return decoded;
  }();
  EdwardsPoint point = points[0];
  for (unsigned row = 1; row < points.size(); ++row) {
    point.x = Fe25519::select(row == index, points[row].x, point.x);
    point.y = Fe25519::select(row == index, points[row].y, point.y);
  }
  return point;
}

using lanes::Fraction;

/// The coordinate u = (1 + y)/(1 - y) of the two points' sum; the sign of x plays no part.
Fraction sum_u(const EdwardsPoint& a, const EdwardsPoint& b) {
  // y = N/D, by the addition law, which knows no exceptions.
  const Fe25519 xx = a.x * b.x, yy = a.y * b.y;
  const Fe25519 N = yy + xx;
  const Fe25519 D = Fe25519(1) - edwards_d() * xx * yy;
  return {D + N, D - N};
}

/// The number whose inverse root makes the representative: with it r is the root of -u/(2 (u + A)) or of -(u + A)/(2u).
/// With u = n/d the d's cancel in both.
Fe25519 under_the_root(const Fraction& u) {
  const Fe25519 product = u.number * (u.number + A * u.denominator);
  return -(product + product);
}

std::optional<Representative> representative_of(const Fraction& u, const InverseRoot& s, Byte tweak) {
  const Fe25519 r = s.root * Fe25519::select((tweak & 1) != 0, u.number + A * u.denominator, u.number);
  // r and p - r stand for the same key; the one up to (p - 1)/2 leaves the two top bits free. Doubling wraps round p,
  // which is odd, exactly for the other.
  auto representative = Fe25519::select((r + r).is_odd(), -r, r).bytes();
  representative[31] |= tweak & filler_bits;
  if (!s.is_square) return std::nullopt;
  return representative;
}

std::optional<Representative> representative_of(const Fraction& u, Byte tweak) {
  return representative_of(u, inverse_root(under_the_root(u)), tweak);
}

/// u of the base point plus the second of the points of small order: of its multiples m + 8n the one of small order is
/// m times that one.
const Fe25519& dirty_base_point() {
  static const Fe25519 u = [] {
    ByteArray<32> base;  // y = 4/5
    base.fill(0x66);
    base[0] = 0x58;
    const auto sum = sum_u(decode(base), small_order_point(1));
    return sum.number * sum.denominator.inverse();
  }();
  return u;
}

/// The multiplier that does to the dirty base point what clamping the private key, and adding the point of small order
/// that its three lowest bits name, does to the base point: modulo the base point's order L it is the clamped key, and
/// modulo 8 it is those bits.
Secret<32> dirty_scalar(const Secret<32>& private_key) {
  constexpr ByteArray<32> L{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                            0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                            0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
  Secret<32> scalar = clamped(private_key);
  // L is 5 modulo 8, and 5 times 5 is 1. The sum is below 2^256.
  const unsigned times = 5U * private_key.data()[0] & 7;
  unsigned carry = 0;
  for (std::size_t i = 0; i < L.size(); ++i) {
    carry += scalar.data()[i] + times * L[i];
    scalar.data()[i] = static_cast<Byte>(carry);
    carry >>= 8;
  }
  return scalar;
}

/// Draws eight private keys at once, and keeps those whose public keys have representatives.
void draw_eight(Random& random, std::vector<KeyPair>& pairs) {
  constexpr std::size_t one = 33;
  Secret<lanes::count * one> drawn;
  random.fill(drawn.span());
  lanes::Scalars<lanes::count> private_keys, scalars;
  for (std::size_t i = 0; i < lanes::count; ++i) {
    private_keys[i] = Secret<32>(drawn.view().subspan(i * one, 32));
    scalars[i] = dirty_scalar(private_keys[i]);
  }
  const auto u = lanes::multiply(scalars, dirty_base_point());
  std::array<Fe25519, lanes::count> radicands, denominators;
  for (std::size_t i = 0; i < lanes::count; ++i) {
    radicands[i] = under_the_root(u[i]);
    denominators[i] = u[i].denominator;
  }
  const auto roots = lanes::pow_p58(radicands), inverses = lanes::pow_p58(denominators);
  for (std::size_t i = 0; i < lanes::count; ++i) {
    const auto root = inverse_root(radicands[i], roots[i]);
    const auto representative = representative_of(u[i], root, drawn.data()[i * one + 32]);
    if (!representative) continue;
    const auto public_key = u[i].number * denominators[i].inverse(inverses[i]);
    pairs.emplace_back(private_keys[i], public_key.bytes(), *representative);
  }
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
  return representative_of({Fe25519(public_key), Fe25519(1)}, tweak);
}

std::optional<KeyPair> key_pair_from(const Secret<32>& private_key, Byte tweak) {
  ByteArray<32> clean;
  // The multiplication clamps its scalar, and refuses only the scalar 0.
  if (crypto_scalarmult_ed25519_base(clean.data(), private_key.data()) != 0) return std::nullopt;
  const auto u = sum_u(decode(clean), small_order_point(private_key.data()[0] & 7));
  const auto representative = representative_of(u, tweak);
  if (!representative) return std::nullopt;
  return KeyPair(private_key, (u.number * u.denominator.inverse()).bytes(), *representative);
}

KeyPair KeyPair::generate(Random& random) {
  for (;;) {
    Secret<32> private_key;
    random.fill(private_key.span());
    const Byte tweak = random.bytes<1>()[0];
    if (auto pair = key_pair_from(private_key, tweak)) return *pair;
  }
}

std::vector<KeyPair> KeyPair::generate_some(Random& random, bool side_by_side) {
  std::vector<KeyPair> pairs;
  pairs.reserve(lanes::count);
  if (!side_by_side) pairs.push_back(generate(random));
  while (pairs.empty()) draw_eight(random, pairs);
  return pairs;
}

}  // namespace ptproxy
