#include "crypto/salsa20.h"

#include <sodium.h>

#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include "crypto/avx512.h"
#endif

namespace ptproxy {
namespace {

// libsodium makes so much of the key stream at once where the processor can; what is left over costs it several times
// as much a byte, so that it is cheaper to fill it up.
constexpr std::size_t block = 64, half_run = 256, whole_run = 512;

std::size_t filled_up(std::size_t size) {
  if (size <= block) return block;
  if (size <= half_run) return half_run;
  return (size + whole_run - 1) / whole_run * whole_run;
}

#if defined(__x86_64__)

/// One word of the state of sixteen blocks.
using Words = __m512i;

template <int Bits>
PTPROXY_INLINE_FOR("avx512f")
Words turned_sum(Words a, Words b) {
  return _mm512_rol_epi32(_mm512_add_epi32(a, b), Bits);
}

PTPROXY_INLINE_FOR("avx512f") void quarter_round(Words& a, Words& b, Words& c, Words& d) {
  b ^= turned_sum<7>(a, d);
  c ^= turned_sum<9>(b, a);
  d ^= turned_sum<13>(c, b);
  a ^= turned_sum<18>(d, c);
}

PTPROXY_INLINE_FOR("avx512f") void double_round(Words (&x)[16]) {
  quarter_round(x[0], x[4], x[8], x[12]);
  quarter_round(x[5], x[9], x[13], x[1]);
  quarter_round(x[10], x[14], x[2], x[6]);
  quarter_round(x[15], x[3], x[7], x[11]);
  quarter_round(x[0], x[1], x[2], x[3]);
  quarter_round(x[5], x[6], x[7], x[4]);
  quarter_round(x[10], x[11], x[8], x[9]);
  quarter_round(x[15], x[12], x[13], x[14]);
}

PTPROXY_INLINE_FOR("avx512f") void xor_block(Byte* bytes, Words stream) {
  _mm512_storeu_si512(bytes, _mm512_loadu_si512(bytes) ^ stream);
}

/// Turns words of blocks into blocks of words, four rows and then four columns at a time, and xors them on.
PTPROXY_INLINE_FOR("avx512f") void xor_blocks(Byte* bytes, const Words (&x)[16]) {
  Words of_rows[4][4];
#pragma GCC unroll 4
  for (int g = 0; g < 4; ++g) {
    const Words low01 = _mm512_unpacklo_epi32(x[4 * g], x[4 * g + 1]);
    const Words high01 = _mm512_unpackhi_epi32(x[4 * g], x[4 * g + 1]);
    const Words low23 = _mm512_unpacklo_epi32(x[4 * g + 2], x[4 * g + 3]);
    const Words high23 = _mm512_unpackhi_epi32(x[4 * g + 2], x[4 * g + 3]);
    of_rows[g][0] = _mm512_unpacklo_epi64(low01, low23);
    of_rows[g][1] = _mm512_unpackhi_epi64(low01, low23);
    of_rows[g][2] = _mm512_unpacklo_epi64(high01, high23);
    of_rows[g][3] = _mm512_unpackhi_epi64(high01, high23);
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const Words even01 = _mm512_shuffle_i32x4(of_rows[0][j], of_rows[1][j], 0x88);
    const Words odd01 = _mm512_shuffle_i32x4(of_rows[0][j], of_rows[1][j], 0xdd);
    const Words even23 = _mm512_shuffle_i32x4(of_rows[2][j], of_rows[3][j], 0x88);
    const Words odd23 = _mm512_shuffle_i32x4(of_rows[2][j], of_rows[3][j], 0xdd);
    xor_block(bytes + block * static_cast<std::size_t>(j), _mm512_shuffle_i32x4(even01, even23, 0x88));
    xor_block(bytes + block * static_cast<std::size_t>(4 + j), _mm512_shuffle_i32x4(odd01, odd23, 0x88));
    xor_block(bytes + block * static_cast<std::size_t>(8 + j), _mm512_shuffle_i32x4(even01, even23, 0xdd));
    xor_block(bytes + block * static_cast<std::size_t>(12 + j), _mm512_shuffle_i32x4(odd01, odd23, 0xdd));
  }
}

/// `words` are the sixteen of the first block.
PTPROXY_FOR("avx512f") void xor_runs(Byte* bytes, std::size_t runs, const std::uint32_t (&words)[16]) {
  for (std::size_t run = 0; run < runs; ++run) {
    Words start[16], x[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) start[i] = _mm512_set1_epi32(static_cast<int>(words[i]));
    // The block's number; a message is far too short for the upper half of it.
    start[8] = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(16 * run)),
                                _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) x[i] = start[i];
    for (int round = 0; round < 20; round += 2) double_round(x);
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) x[i] = _mm512_add_epi32(x[i], start[i]);
    xor_blocks(bytes + run * salsa20_run, x);
  }
}

void xor_in_lanes(ByteSpan bytes, std::size_t size, const Secret<32>& key, const ByteArray<8>& nonce) {
  // "expand 32-byte k" on the diagonal, the key's halves, the nonce and the block's number between.
  std::uint32_t words[16] = {0x61707865, 0, 0, 0, 0, 0x3320646e, 0, 0, 0, 0, 0x79622d32, 0, 0, 0, 0, 0x6b206574};
  std::memcpy(&words[1], key.data(), 16);
  std::memcpy(&words[6], nonce.data(), 8);
  std::memcpy(&words[11], key.data() + 16, 16);
  xor_runs(bytes.data(), (size + salsa20_run - 1) / salsa20_run, words);
  wipe({reinterpret_cast<Byte*>(words), sizeof words});
}

#else

void xor_in_lanes(ByteSpan, std::size_t, const Secret<32>&, const ByteArray<8>&) {
  std::abort();
}

#endif

}  // namespace

bool salsa20_in_lanes() {
#if defined(__x86_64__)
  static const bool can = __builtin_cpu_supports("avx512f") != 0;
  return can;
#else
  return false;
#endif
}

void salsa20_xor(ByteSpan bytes, std::size_t size, const Secret<32>& key, const ByteArray<8>& nonce, bool in_lanes) {
  if (in_lanes) return xor_in_lanes(bytes, size, key, nonce);
  crypto_stream_salsa20_xor(bytes.data(), bytes.data(), filled_up(size), nonce.data(), key.data());
}

}  // namespace ptproxy
