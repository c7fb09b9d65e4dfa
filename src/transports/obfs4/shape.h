#pragma once
/// \file
/// What makes one bridge's traffic look unlike another's: tables of burst lengths and of delays, drawn from a seed.

#include "crypto/siphash_drbg.h"
#include "crypto/weighted_dist.h"
#include "transports/recent.h"
#include "transports/segments.h"

#include <memory>
#include <optional>
#include <tuple>

namespace ptproxy::obfs4 {

enum class IatMode { none = 0, segments = 1, everything = 2 };

/// The tables of one seed.
class Shape {
 public:
  Shape(const SipHashDrbg::Seed& seed, IatMode iat_mode, bool biased);
  WeightedDist lengths;                ///< 0 ... 1448 bytes
  std::optional<WeightedDist> delays;  ///< 0 ... 100 steps of 100 microseconds; only with an iat-mode
};

/// The shapes of the last few seeds: connections of one bridge share theirs.
class Shapes {
 public:
  std::shared_ptr<const Shape> of(const SipHashDrbg::Seed& seed, IatMode iat_mode, bool biased);

 private:
  Recent<std::tuple<SipHashDrbg::Seed, IatMode, bool>, Shape> recent_;
};

/// Payloads, all padding, of the at most two frames that bring a burst of `burst_size` bytes to `target` (0 ... 1448)
/// modulo the segment size: {first, second} bytes of padding, nullopt for no frame.
class Padding {
 public:
  std::optional<std::size_t> first, second;
};
Padding pad_burst(std::size_t burst_size, std::size_t target);

}  // namespace ptproxy::obfs4
