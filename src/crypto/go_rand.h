#pragma once
/// \file
/// Numbers out of 63-bit draws, in just the way of Go's math/rand (1.x): peers that share a seed must come to the same
/// tables. A source is anything with `std::uint64_t int63()`, uniform in 0 ... 2^63 - 1.

#include <ptproxy/bytes.h>

#include <cstdint>

namespace ptproxy::go_rand {

/// 8 bytes read as a big-endian number, without the top bit.
inline std::uint64_t int63_from(const ByteArray<8>& block) {
  std::uint64_t number = 0;
  for (Byte b : block) number = number << 8 | b;
  return number & ~(std::uint64_t{1} << 63);
}

/// Uniform in 0 ... 2^31 - 1.
template <class Source>
std::uint32_t int31(Source& source) {
  return static_cast<std::uint32_t>(source.int63() >> 32);
}

/// Uniform in 0 ... n - 1. n must be in 1 ... 2^31 - 1.
template <class Source>
std::uint32_t intn(Source& source, std::uint32_t n) {
  if ((n & (n - 1)) == 0) return int31(source) & (n - 1);
  constexpr std::uint32_t range = 1U << 31;
  const std::uint32_t max = range - 1 - range % n;
  for (;;) {
    const std::uint32_t number = int31(source);
    if (number <= max) return number % n;
  }
}

/// Uniform in [0, 1).
template <class Source>
double float64(Source& source) {
  for (;;) {
    // Numbers next to 2^63 round up to it.
    const double number = static_cast<double>(source.int63()) / 0x1p63;
    if (number != 1.0) return number;
  }
}

}  // namespace ptproxy::go_rand
