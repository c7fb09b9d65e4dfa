#pragma once
/// \file
/// Tables of lengths and delays that a seed gives a bridge, so that its traffic has a shape of its own (obfs4 and
/// ScrambleSuit). Bit for bit those of obfs4proxy.

#include "crypto/siphash_drbg.h"

#include <ptproxy/bytes.h>
#include <ptproxy/random.h>

#include <cstdint>
#include <span>
#include <vector>

namespace ptproxy {

/// What a seed decides: up to 100 different values counted from the smallest, and how heavy each weighs.
class WeightedValues {
 public:
  /// Out of `size` values, 1 to 65536. Biased weights tend to fall from the first to the last; the others are uniform.
  WeightedValues(const SipHashDrbg::Seed& seed, std::uint32_t size, bool biased);
  std::vector<std::uint16_t> values;
  std::vector<double> weights;
};

/// Numbers in min ... max, drawn by their weights in constant time (Vose's alias method, 1991). Takes about 11 bytes a
/// value. Never changes once made, so connections may share one.
class WeightedDist {
 public:
  /// 0 <= min <= max <= 65535.
  WeightedDist(const SipHashDrbg::Seed& seed, int min, int max, bool biased);

  /// One number in min ... max. The randomness is the caller's, not the seed's: 8 bytes for each draw of Go's
  /// math/rand.
  int sample(Random& random) const;

  int min() const { return min_; }
  /// What may be drawn, less min.
  std::span<const std::uint16_t> values() const { return values_; }
  /// How likely a value is taken when its row is drawn; else the value of the row in aliases() is.
  std::span<const double> probabilities() const { return probabilities_; }
  std::span<const std::uint8_t> aliases() const { return aliases_; }

 private:
  void balance(std::vector<double> weights);

  int min_;
  std::vector<std::uint16_t> values_;
  std::vector<double> probabilities_;
  std::vector<std::uint8_t> aliases_;
};

}  // namespace ptproxy
