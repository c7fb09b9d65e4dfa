#include "crypto/lanes.h"

#include <cstdlib>

#if defined(__x86_64__)
#include "crypto/avx512.h"

#define PTPROXY_IFMA PTPROXY_FOR("avx512f,avx512ifma")
#define PTPROXY_IFMA_INLINE PTPROXY_INLINE_FOR("avx512f,avx512ifma")

namespace ptproxy::lanes {
namespace {

constexpr long long mask51 = (1LL << 51) - 1;
constexpr int limbs = 5;
constexpr int products = 2 * limbs - 1;

/// Eight numbers modulo 2^255 - 19, in five limbs of 51 bits. The multiplier reads the low 52 bits of a limb, so each
/// stays below 2^52 between operations.
struct Lanes {
  __m512i limb[limbs];
};

PTPROXY_IFMA_INLINE __m512i times19(__m512i x) {
  return (x << 4) + (x << 1) + x;
}

/// From limbs below 2^61 limbs below 2^51 + 2^15: one step of carrying, in all limbs at once.
PTPROXY_IFMA_INLINE Lanes carried(const Lanes& x) {
  const __m512i mask = _mm512_set1_epi64(mask51);
  Lanes out;
  out.limb[0] = (x.limb[0] & mask) + times19(_mm512_srli_epi64(x.limb[4], 51));
#pragma GCC unroll 5
  for (int i = 1; i < limbs; ++i) out.limb[i] = (x.limb[i] & mask) + _mm512_srli_epi64(x.limb[i - 1], 51);
  return out;
}

/// From the low and the high 52 bits of sums of products. The high half of a product of limbs i and j counts 2^52, that
/// is twice what a limb i + j + 1 counts; and limb 5 counts 19 times what limb 0 does.
PTPROXY_IFMA_INLINE Lanes folded(const __m512i (&low)[products], const __m512i (&high)[products]) {
  Lanes sum;
#pragma GCC unroll 5
  for (int i = 0; i < limbs; ++i) {
    __m512i over = high[i + 4] + high[i + 4];
    if (i < 4) over = over + low[i + 5];
    sum.limb[i] = low[i] + times19(over);
    if (i > 0) sum.limb[i] = sum.limb[i] + high[i - 1] + high[i - 1];
  }
  return carried(sum);
}

PTPROXY_IFMA_INLINE Lanes zero() {
  Lanes out;
#pragma GCC unroll 5
  for (int i = 0; i < limbs; ++i) out.limb[i] = _mm512_setzero_si512();
  return out;
}

PTPROXY_IFMA_INLINE Lanes in_each(const Fe25519& x) {
  Lanes out;
#pragma GCC unroll 5
  for (int i = 0; i < limbs; ++i)
    out.limb[i] = _mm512_set1_epi64(static_cast<long long>(x.limbs()[static_cast<std::size_t>(i)]));
  return out;
}

/// a b + c.
PTPROXY_IFMA_INLINE Lanes multiply_and_add(const Lanes& a, const Lanes& b, const Lanes& c) {
  __m512i low[products], high[products];
#pragma GCC unroll 9
  for (int i = 0; i < products; ++i) {
    low[i] = i < limbs ? c.limb[i < limbs ? i : 0] : _mm512_setzero_si512();
    high[i] = _mm512_setzero_si512();
  }
#pragma GCC unroll 5
  for (int i = 0; i < limbs; ++i) {
#pragma GCC unroll 5
    for (int j = 0; j < limbs; ++j) {
      low[i + j] = _mm512_madd52lo_epu64(low[i + j], a.limb[i], b.limb[j]);
      high[i + j] = _mm512_madd52hi_epu64(high[i + j], a.limb[i], b.limb[j]);
    }
  }
  return folded(low, high);
}

PTPROXY_IFMA_INLINE Lanes operator*(const Lanes& a, const Lanes& b) {
  return multiply_and_add(a, b, zero());
}

/// As a product; of products that come twice one is made.
PTPROXY_IFMA_INLINE Lanes square(const Lanes& a) {
  __m512i low[products], high[products];
#pragma GCC unroll 9
  for (int i = 0; i < products; ++i) low[i] = high[i] = _mm512_setzero_si512();
#pragma GCC unroll 5
  for (int i = 0; i < limbs; ++i) {
#pragma GCC unroll 5
    for (int j = i + 1; j < limbs; ++j) {
      low[i + j] = _mm512_madd52lo_epu64(low[i + j], a.limb[i], a.limb[j]);
      high[i + j] = _mm512_madd52hi_epu64(high[i + j], a.limb[i], a.limb[j]);
    }
  }
#pragma GCC unroll 9
  for (int i = 0; i < products; ++i) {
    low[i] = low[i] + low[i];
    high[i] = high[i] + high[i];
  }
#pragma GCC unroll 5
  for (int i = 0; i < limbs; ++i) {
    low[2 * i] = _mm512_madd52lo_epu64(low[2 * i], a.limb[i], a.limb[i]);
    high[2 * i] = _mm512_madd52hi_epu64(high[2 * i], a.limb[i], a.limb[i]);
  }
  return folded(low, high);
}

PTPROXY_IFMA Lanes squared(Lanes x, int n) {
  for (int i = 0; i < n; ++i) x = square(x);
  return x;
}

/// a + b; a - b in the lanes of `minus`; a alone in those not of `some`. 4p is added to differences, so that no limb
/// goes below zero.
PTPROXY_IFMA_INLINE Lanes sum(const Lanes& a, const Lanes& b, __mmask8 minus = 0, __mmask8 some = 0xff) {
  Lanes out;
#pragma GCC unroll 5
  for (int i = 0; i < limbs; ++i) {
    const __m512i four_p = _mm512_set1_epi64(4 * (i == 0 ? mask51 - 18 : mask51));
    out.limb[i] =
        _mm512_mask_add_epi64(a.limb[i], some, a.limb[i], _mm512_mask_sub_epi64(b.limb[i], minus, four_p, b.limb[i]));
  }
  return carried(out);
}

PTPROXY_IFMA_INLINE Lanes difference(const Lanes& a, const Lanes& b) {
  return sum(a, b, 0xff);
}

/// b in the lanes of the mask, else a.
PTPROXY_IFMA_INLINE Lanes blend(__mmask8 mask, const Lanes& a, const Lanes& b) {
  Lanes out;
#pragma GCC unroll 5
  for (int i = 0; i < limbs; ++i) out.limb[i] = _mm512_mask_mov_epi64(a.limb[i], mask, b.limb[i]);
  return out;
}

/// In each half, its lanes A, B, C and D.
template <int A, int B, int C, int D>
PTPROXY_IFMA_INLINE Lanes arranged(const Lanes& x) {
  Lanes out;
#pragma GCC unroll 5
  for (int i = 0; i < limbs; ++i) out.limb[i] = _mm512_permutex_epi64(x.limb[i], A | B << 2 | C << 4 | D << 6);
  return out;
}

PTPROXY_IFMA Lanes pow_p58(const Lanes& x) {
  // As Fe25519::pow_p58.
  const Lanes x2 = square(x);
  const Lanes x9 = squared(x2, 2) * x;
  const Lanes ones_5 = square(x9 * x2) * x9;
  const Lanes ones_10 = squared(ones_5, 5) * ones_5;
  const Lanes ones_20 = squared(ones_10, 10) * ones_10;
  const Lanes ones_40 = squared(ones_20, 20) * ones_20;
  const Lanes ones_50 = squared(ones_40, 10) * ones_10;
  const Lanes ones_100 = squared(ones_50, 50) * ones_50;
  const Lanes ones_200 = squared(ones_100, 100) * ones_100;
  const Lanes ones_250 = squared(ones_200, 50) * ones_50;
  return squared(ones_250, 2) * x;
}

/// Eight rows of limbs or of scalars, as they lie in memory before they become lanes; wiped when they die.
template <std::size_t Words>
class Rows {
 public:
  ~Rows() { wipe({reinterpret_cast<Byte*>(words_), sizeof words_}); }
  std::uint64_t& at(std::size_t word, std::size_t lane) { return words_[word][lane]; }
  std::uint64_t* row(std::size_t word) { return words_[word]; }

 private:
  alignas(64) std::uint64_t words_[Words][count] = {};
};

PTPROXY_IFMA_INLINE Lanes loaded(Rows<limbs>& rows) {
  Lanes out;
  for (std::size_t i = 0; i < limbs; ++i) out.limb[i] = _mm512_load_si512(rows.row(i));
  return out;
}

PTPROXY_IFMA_INLINE void store(const Lanes& x, Rows<limbs>& rows) {
  for (std::size_t i = 0; i < limbs; ++i) _mm512_store_si512(rows.row(i), x.limb[i]);
}

void set(Rows<limbs>& rows, std::size_t lane, const Fe25519& x) {
  for (std::size_t i = 0; i < limbs; ++i) rows.at(i, lane) = x.limbs()[i];
}

Fe25519 get(Rows<limbs>& rows, std::size_t lane) {
  Fe25519::Limbs out;
  for (std::size_t i = 0; i < limbs; ++i) out[i] = rows.at(i, lane);
  return Fe25519(out);
}

void set(Rows<4>& rows, std::size_t lane, const Secret<32>& scalar) {
  for (std::size_t i = 0; i < scalar.size(); ++i)
    rows.at(i / 8, lane) |= std::uint64_t{scalar.data()[i]} << 8 * (i % 8);
}

/// Bit `bit` of each lane's scalar.
PTPROXY_IFMA_INLINE __mmask8 bits_at(Rows<4>& scalars, int bit) {
  return _mm512_test_epi64_mask(_mm512_load_si512(scalars.row(static_cast<std::size_t>(bit / 64))),
                                _mm512_set1_epi64(static_cast<long long>(1ULL << bit % 64)));
}

/// Montgomery's ladder (RFC 7748 section 5) for two points. Each has half of the lanes, and in them x2, z2, x3, z3.
PTPROXY_IFMA Lanes ladder(Rows<4>& scalars, const Lanes& points) {
  constexpr __mmask8 lane0 = 0x11, lane1 = 0x22, lane3 = 0x88;
  Lanes one = zero();
  one.limb[0] = _mm512_set1_epi64(1);
  Lanes a24 = zero();
  a24.limb[0] = _mm512_set1_epi64(121665);
  const Lanes ones_and_point = blend(lane3, one, points);

  Lanes x_and_z = blend(0x44, blend(lane1, one, zero()), points);  // 1, 0, u, 1
  __mmask8 swapped = 0;
  for (int bit = 255;; --bit) {
    const __mmask8 wanted = bit < 0 ? __mmask8{0} : bits_at(scalars, bit);
    // Four bits of the mask for the four lanes of a point.
    const auto swap = static_cast<__mmask8>(swapped ^ wanted);
    x_and_z = blend(swap, x_and_z, arranged<2, 3, 0, 1>(x_and_z));
    if (bit < 0) return x_and_z;
    swapped = wanted;
    const Lanes ABCD = sum(arranged<0, 0, 2, 2>(x_and_z), arranged<1, 1, 3, 3>(x_and_z), 0xaa);
    const Lanes AA_BB_DA_CB = arranged<0, 1, 3, 2>(ABCD) * arranged<0, 1, 0, 1>(ABCD);
    const Lanes AA_AA_DA_DA = arranged<0, 0, 2, 2>(AA_BB_DA_CB);
    const Lanes BB_BB_CB_CB = arranged<1, 1, 3, 3>(AA_BB_DA_CB);
    // AA, E = AA - BB, DA + CB, DA - CB.
    const Lanes sums = sum(AA_AA_DA_DA, BB_BB_CB_CB, 0xaa, 0xee);
    // x2 = AA BB, AA + a24 E, x3 = (DA + CB)^2, (DA - CB)^2.
    const Lanes halfway =
        multiply_and_add(sums, blend(lane1, blend(lane0, sums, BB_BB_CB_CB), a24), blend(lane1, zero(), AA_AA_DA_DA));
    // x2, z2 = E (AA + a24 E), x3, z3 = u (DA - CB)^2.
    x_and_z = halfway * blend(lane1, ones_and_point, sums);
  }
}

/// The same for eight multiples of one point, a lane each.
PTPROXY_IFMA void ladder(Rows<4>& scalars, const Fe25519& point, Rows<limbs>& x, Rows<limbs>& z) {
  const Lanes u = in_each(point), a24 = in_each(Fe25519(121665));
  Lanes x2 = in_each(Fe25519(1)), z2 = zero(), x3 = u, z3 = x2;
  __mmask8 swapped = 0;
  for (int bit = 255;; --bit) {
    const __mmask8 wanted = bit < 0 ? __mmask8{0} : bits_at(scalars, bit);
    const auto swap = static_cast<__mmask8>(swapped ^ wanted);
    const Lanes from_x = x2, from_z = z2;
    x2 = blend(swap, x2, x3);
    z2 = blend(swap, z2, z3);
    if (bit < 0) break;
    x3 = blend(swap, x3, from_x);
    z3 = blend(swap, z3, from_z);
    swapped = wanted;
    const Lanes A = sum(x2, z2), B = difference(x2, z2);
    const Lanes AA = square(A), BB = square(B), E = difference(AA, BB);
    const Lanes DA = difference(x3, z3) * A, CB = sum(x3, z3) * B;
    x3 = square(sum(DA, CB));
    z3 = u * square(difference(DA, CB));
    x2 = AA * BB;
    z2 = E * multiply_and_add(a24, E, AA);
  }
  store(x2, x);
  store(z2, z);
}

/// In every first lane of a half x2, and in the second 1/z2.
PTPROXY_IFMA void invert_z(Lanes& x_and_z) {
  const Lanes inverse = squared(pow_p58(x_and_z), 3) * square(x_and_z) * x_and_z;
  x_and_z = blend(0x22, x_and_z, inverse);
}

PTPROXY_IFMA void multiply_two(Rows<4>& scalars, Rows<limbs>& rows) {
  Lanes x_and_z = ladder(scalars, loaded(rows));
  invert_z(x_and_z);
  store(x_and_z, rows);
}

PTPROXY_IFMA void raise(Rows<limbs>& rows) {
  store(pow_p58(loaded(rows)), rows);
}

}  // namespace

bool available() {
  static const bool can = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512ifma");
  return can;
}

std::array<Secret<32>, 2> multiply(const Scalars<2>& scalars, const ByteArray<32>& first, const ByteArray<32>& second) {
  Rows<4> bits;
  Rows<limbs> rows;
  for (std::size_t lane = 0; lane < count; ++lane) {
    set(bits, lane, scalars[lane / 4]);
    set(rows, lane, Fe25519(lane < 4 ? first : second));
  }
  multiply_two(bits, rows);
  std::array<Secret<32>, 2> out;
  for (std::size_t i = 0; i < 2; ++i) {
    auto u = (get(rows, 4 * i) * get(rows, 4 * i + 1)).bytes();
    out[i] = Secret<32>(u);
    wipe(u);
  }
  return out;
}

std::array<Fraction, count> multiply(const Scalars<count>& scalars, const Fe25519& point) {
  Rows<4> bits;
  Rows<limbs> x, z;
  for (std::size_t lane = 0; lane < count; ++lane) set(bits, lane, scalars[lane]);
  ladder(bits, point, x, z);
  std::array<Fraction, count> out;
  for (std::size_t lane = 0; lane < count; ++lane) out[lane] = {get(x, lane), get(z, lane)};
  return out;
}

std::array<Fe25519, count> pow_p58(const std::array<Fe25519, count>& x) {
  Rows<limbs> rows;
  for (std::size_t lane = 0; lane < count; ++lane) set(rows, lane, x[lane]);
  raise(rows);
  std::array<Fe25519, count> out;
  for (std::size_t lane = 0; lane < count; ++lane) out[lane] = get(rows, lane);
  return out;
}

}  // namespace ptproxy::lanes

#else

namespace ptproxy::lanes {

bool available() {
  return false;
}

std::array<Secret<32>, 2> multiply(const Scalars<2>&, const ByteArray<32>&, const ByteArray<32>&) {
  std::abort();
}

std::array<Fraction, count> multiply(const Scalars<count>&, const Fe25519&) {
  std::abort();
}

std::array<Fe25519, count> pow_p58(const std::array<Fe25519, count>&) {
  std::abort();
}

}  // namespace ptproxy::lanes

#endif
