#pragma once
/// \file
/// The hash DRBG of obfs4: SipHash-2-4 fed with its own output, never reset, so that block n is the hash of the start
/// value and of the n - 1 blocks before it. Masks frame lengths, and draws the tables that shape traffic.

#include <ptproxy/bytes.h>

#include <array>
#include <cstdint>
#include <vector>

namespace ptproxy {

class SipHashDrbg {
 public:
  /// 16 bytes of SipHash key, then 8 of start value.
  using Seed = ByteArray<24>;

  explicit SipHashDrbg(const Seed& seed);
  SipHashDrbg(const SipHashDrbg&) = default;
  SipHashDrbg& operator=(const SipHashDrbg&) = default;
  /// Wipes the state.
  ~SipHashDrbg();

  /// One compression and one finish; no allocation.
  ByteArray<8> next_block();
  /// The first two bytes of the next block, as a big-endian number.
  std::uint16_t next_mask();

  // What follows draws as Go's math/rand does (go_rand.h), from one block a draw.

  /// Uniform in 0 ... 2^63 - 1.
  std::uint64_t int63();
  /// Uniform in 0 ... 2^31 - 1.
  std::uint32_t int31();
  /// Uniform in 0 ... n - 1. n must be in 1 ... 2^31 - 1.
  std::uint32_t intn(std::uint32_t n);
  /// Uniform in [0, 1).
  double float64();
  /// The numbers 0 ... n - 1 in a random order.
  std::vector<std::uint32_t> perm(std::uint32_t n);

 private:
  std::array<std::uint64_t, 4> state_;
  std::uint64_t previous_;
  Byte fed_ = 0;  ///< bytes fed so far modulo 256: all that SipHash's last word wants to know
};

}  // namespace ptproxy
