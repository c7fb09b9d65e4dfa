#include "crypto/fe25519.h"

namespace ptproxy {
namespace {

__extension__ typedef unsigned __int128 Wide;

constexpr std::uint64_t mask51 = (std::uint64_t{1} << 51) - 1;

Wide wide(std::uint64_t a, std::uint64_t b) {
  return static_cast<Wide>(a) * b;
}

std::uint64_t low51(Wide w) {
  return static_cast<std::uint64_t>(w) & mask51;
}

/// Limbs below 2^52 from sums of products, each below 2^111, of which what goes beyond 51 bits belongs to the next
/// limb. The last carry times 19 is below 2^61.
std::array<std::uint64_t, 5> folded(Wide t0, Wide t1, Wide t2, Wide t3, Wide t4) {
  t1 += t0 >> 51;
  t2 += t1 >> 51;
  t3 += t2 >> 51;
  t4 += t3 >> 51;
  const std::uint64_t first = low51(t0) + 19 * static_cast<std::uint64_t>(t4 >> 51);
  return {first & mask51, low51(t1) + (first >> 51), low51(t2), low51(t3), low51(t4)};
}

/// All ones for true, all zeros for false, kept from the optimiser so that it makes no branch of it.
std::uint64_t mask_of(bool condition) {
  std::uint64_t mask = std::uint64_t{0} - static_cast<std::uint64_t>(condition);
  __asm__("" : "+r"(mask));
  return mask;
}

}  // namespace

Fe25519::Fe25519(const ByteArray<32>& bytes) {
  // Limb i begins at bit 51 i, that is at bit `shift` of byte `at`; eight bytes from there hold its 51 bits.
  const auto load = [&](std::size_t at, unsigned shift) {
    std::uint64_t word = 0;
    for (std::size_t i = 8; i-- > 0;) word = word << 8 | bytes[at + i];
    return word >> shift & mask51;
  };
  limbs_ = {load(0, 0), load(6, 3), load(12, 6), load(19, 1), load(24, 12)};
}

ByteArray<32> Fe25519::bytes() const {
  Limbs h = carried(limbs_).limbs_;
  // The number is below 2p now. It is p or more exactly when adding 19 carries out of bit 255; then that carry is
  // dropped and the 19 stay.
  std::uint64_t carry = 19;
  for (std::uint64_t limb : h) carry = (limb + carry) >> 51;
  carry *= 19;
  for (std::uint64_t& limb : h) {
    limb += carry;
    carry = limb >> 51;
    limb &= mask51;
  }
  ByteArray<32> out;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t limb = 8 * i / 51;
    const std::size_t shift = 8 * i % 51;
    std::uint64_t bits = h[limb] >> shift;
    if (shift > 51 - 8 && limb < 4) bits |= h[limb + 1] << (51 - shift);
    out[i] = static_cast<Byte>(bits);
  }
  return out;
}

Fe25519 Fe25519::carried(Limbs limbs) {
  std::uint64_t carry = 0;
  for (std::uint64_t& limb : limbs) {
    limb += carry;
    carry = limb >> 51;
    limb &= mask51;
  }
  limbs[0] += 19 * carry;
  return Fe25519(limbs);
}

Fe25519 operator+(const Fe25519& a, const Fe25519& b) {
  Fe25519::Limbs sum;
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = a.limbs_[i] + b.limbs_[i];
  return Fe25519::carried(sum);
}

Fe25519 operator-(const Fe25519& a, const Fe25519& b) {
  // 4p is added first, so that no limb goes below zero.
  constexpr Fe25519::Limbs four_p{4 * (mask51 - 18), 4 * mask51, 4 * mask51, 4 * mask51, 4 * mask51};
  Fe25519::Limbs difference;
  for (std::size_t i = 0; i < difference.size(); ++i) difference[i] = a.limbs_[i] + four_p[i] - b.limbs_[i];
  return Fe25519::carried(difference);
}

Fe25519 operator*(const Fe25519& x, const Fe25519& y) {
  // 2^255 = 19, so what passes limb 4 comes back in at the bottom, times 19.
  const auto& a = x.limbs_;
  const auto& b = y.limbs_;
  const std::uint64_t b1 = 19 * b[1], b2 = 19 * b[2], b3 = 19 * b[3], b4 = 19 * b[4];
  return Fe25519(folded(wide(a[0], b[0]) + wide(a[1], b4) + wide(a[2], b3) + wide(a[3], b2) + wide(a[4], b1),
                        wide(a[0], b[1]) + wide(a[1], b[0]) + wide(a[2], b4) + wide(a[3], b3) + wide(a[4], b2),
                        wide(a[0], b[2]) + wide(a[1], b[1]) + wide(a[2], b[0]) + wide(a[3], b4) + wide(a[4], b3),
                        wide(a[0], b[3]) + wide(a[1], b[2]) + wide(a[2], b[1]) + wide(a[3], b[0]) + wide(a[4], b4),
                        wide(a[0], b[4]) + wide(a[1], b[3]) + wide(a[2], b[2]) + wide(a[3], b[1]) + wide(a[4], b[0])));
}

Fe25519 Fe25519::square() const {
  // As in a product; of products that come twice one is made.
  const auto& a = limbs_;
  const std::uint64_t two_a0 = 2 * a[0], two_a1 = 2 * a[1], two_a2 = 2 * a[2];
  const std::uint64_t a3 = 19 * a[3], a4 = 19 * a[4];
  return Fe25519(folded(wide(a[0], a[0]) + wide(two_a1, a4) + wide(two_a2, a3),
                        wide(two_a0, a[1]) + wide(two_a2, a4) + wide(a[3], a3),
                        wide(two_a0, a[2]) + wide(a[1], a[1]) + wide(2 * a[3], a4),
                        wide(two_a0, a[3]) + wide(two_a1, a[2]) + wide(a[4], a4),
                        wide(two_a0, a[4]) + wide(two_a1, a[3]) + wide(a[2], a[2])));
}

Fe25519 Fe25519::squared(int n) const {
  Fe25519 x = *this;
  for (int i = 0; i < n; ++i) x = x.square();
  return x;
}

Fe25519 Fe25519::pow_p58() const {
  // The exponent is 2^252 - 3. ones_n is x^(2^n - 1).
  const Fe25519& x = *this;
  const Fe25519 x2 = x.square();
  const Fe25519 x9 = x2.squared(2) * x;
  const Fe25519 ones_5 = (x9 * x2).square() * x9;
  const Fe25519 ones_10 = ones_5.squared(5) * ones_5;
  const Fe25519 ones_20 = ones_10.squared(10) * ones_10;
  const Fe25519 ones_40 = ones_20.squared(20) * ones_20;
  const Fe25519 ones_50 = ones_40.squared(10) * ones_10;
  const Fe25519 ones_100 = ones_50.squared(50) * ones_50;
  const Fe25519 ones_200 = ones_100.squared(100) * ones_100;
  const Fe25519 ones_250 = ones_200.squared(50) * ones_50;
  return ones_250.squared(2) * x;
}

Fe25519 Fe25519::inverse(const Fe25519& power) const {
  // p - 2 = 8 (2^252 - 3) + 3.
  return power.squared(3) * square() * *this;
}

bool Fe25519::equals(const Fe25519& other) const {
  return equal_in_constant_time(bytes(), other.bytes());
}

Fe25519 Fe25519::select(bool condition, const Fe25519& a, const Fe25519& b) {
  const std::uint64_t mask = mask_of(condition);
  Limbs chosen;
  for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = b.limbs_[i] ^ (mask & (a.limbs_[i] ^ b.limbs_[i]));
  return Fe25519(chosen);
}

const Fe25519& root_of_minus_one() {
  static const Fe25519 root(ByteArray<32>{0xb0, 0xa0, 0x0e, 0x4a, 0x27, 0x1b, 0xee, 0xc4, 0x78, 0xe4, 0x2f,
                                          0xad, 0x06, 0x18, 0x43, 0x2f, 0xa7, 0xd7, 0xfb, 0x3d, 0x99, 0x00,
                                          0x4d, 0x2b, 0x0b, 0xdf, 0xc1, 0x4f, 0x80, 0x24, 0x83, 0x2b});
  return root;
}

InverseRoot inverse_root(const Fe25519& x) {
  return inverse_root(x, x.pow_p58());
}

InverseRoot inverse_root(const Fe25519& x, const Fe25519& root) {
  const Fe25519& i = root_of_minus_one();
  const Fe25519 one(1);
  // x root^2 is a fourth root of one: 1 or -1 for a square, i or -i for a non-square.
  const Fe25519 check = x * root.square();
  const bool is_one = check.equals(one);
  const bool is_minus_one = check.equals(-one);
  const bool is_minus_i = check.equals(-i);
  // Without short cuts, as each condition tells about x.
  const bool wants_turn = (static_cast<unsigned>(is_minus_one) | static_cast<unsigned>(is_minus_i)) != 0;
  const bool is_square = (static_cast<unsigned>(is_one) | static_cast<unsigned>(is_minus_one)) != 0;
  return {Fe25519::select(wants_turn, root * i, root), is_square};
}

}  // namespace ptproxy
