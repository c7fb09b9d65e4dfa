#pragma once
/// \file
/// Randomness comes in by the door, so that tests can bring their own.

#include <ptproxy/bytes.h>

namespace ptproxy {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(ByteSpan out) = 0;
  template <std::size_t N>
  ByteArray<N> bytes() {
    ByteArray<N> out;
    fill(out);
    return out;
  }
  std::uint64_t u64();
  /// Uniform in 0 ... n - 1. n must not be 0.
  std::uint32_t below(std::uint32_t n);
  /// Uniform in min ... max, both included.
  std::uint32_t between(std::uint32_t min, std::uint32_t max) { return min + below(max - min + 1); }
};

/// The system's generator (OpenSSL's, seeded by the kernel). Throws when the system has no randomness: nothing here can
/// go on without. For one thread, and not to be used on both sides of a fork.
class SystemRandom final : public Random {
 public:
  void fill(ByteSpan out) override;

 private:
  /// A connection draws a dozen times and little each time; the generator's cost is that of a call, not of a byte. What
  /// is given away is wiped here. Long runs are the key stream of a fresh key from here.
  Secret<1024> ready_;
  std::size_t left_ = 0;
};

/// The same bytes for the same seed, for tests.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : seed_(seed) {}
  void fill(ByteSpan out) override;

 private:
  std::uint64_t seed_;
  std::uint64_t calls_ = 0;
};

}  // namespace ptproxy
