#pragma once
/// \file
/// Numbers modulo 2^255 - 19, as far as Elligator 2 needs them. Nothing here branches on a number or looks up by one.

#include <ptproxy/bytes.h>

#include <array>
#include <cstdint>

namespace ptproxy {

/// A number modulo 2^255 - 19 in five limbs of 51 bits. Between operations each limb stays below 2^52.
class Fe25519 {
 public:
  using Limbs = std::array<std::uint64_t, 5>;
  constexpr Fe25519() : Fe25519(std::uint64_t{0}) {}
  /// For numbers below 2^51.
  explicit constexpr Fe25519(std::uint64_t small) : limbs_{small, 0, 0, 0, 0} {}
  /// Limb i counts 2^(51 i); each is below 2^52.
  explicit constexpr Fe25519(const Limbs& limbs) : limbs_(limbs) {}
  /// 32 bytes, little-endian; bit 255 is ignored, and numbers from 2^255 - 19 on are reduced.
  explicit Fe25519(const ByteArray<32>& bytes);
  /// The one encoding with a number below 2^255 - 19.
  ByteArray<32> bytes() const;
  const Limbs& limbs() const { return limbs_; }

  friend Fe25519 operator+(const Fe25519& a, const Fe25519& b);
  friend Fe25519 operator-(const Fe25519& a, const Fe25519& b);
  friend Fe25519 operator*(const Fe25519& a, const Fe25519& b);
  Fe25519 operator-() const { return Fe25519(0) - *this; }
  Fe25519 square() const;
  /// 1/x, and 0 for 0.
  Fe25519 inverse() const { return inverse(pow_p58()); }
  /// The same, of what is known as x^((p - 5)/8).
  Fe25519 inverse(const Fe25519& power) const;
  /// x^((p - 5)/8), from which square roots are made.
  Fe25519 pow_p58() const;

  bool equals(const Fe25519& other) const;
  /// Whether the number, reduced, is odd.
  bool is_odd() const { return (bytes()[0] & 1) != 0; }
  /// `a` if the condition holds, else `b`.
  static Fe25519 select(bool condition, const Fe25519& a, const Fe25519& b);

 private:
  /// x^(2^n).
  Fe25519 squared(int n) const;
  /// The same number with limbs below 2^52, from limbs of any size.
  static Fe25519 carried(Limbs limbs);

  Limbs limbs_;
};

/// What comes of taking 1/sqrt(x). `root` squared is 1/x if x is a square, sqrt(-1)/x if it is none, and 0 for x = 0,
/// which does not count as a square here.
struct InverseRoot {
  Fe25519 root;
  bool is_square;
};
InverseRoot inverse_root(const Fe25519& x);
/// The same, of what is known as x^((p - 5)/8).
InverseRoot inverse_root(const Fe25519& x, const Fe25519& power);

/// The square root of -1 whose encoding is even.
const Fe25519& root_of_minus_one();

}  // namespace ptproxy
