#pragma once
/// \file
/// What makes one bridge's traffic look unlike another's: tables of burst lengths and of delays, drawn from a seed, as
/// obfs4 and ScrambleSuit use them.

#include <ptproxy/codec.h>

#include "crypto/siphash_drbg.h"
#include "crypto/weighted_dist.h"
#include "transports/recent.h"
#include "transports/segments.h"

#include <memory>
#include <optional>
#include <utility>

namespace ptproxy {

/// What a transport wants of a seed.
class ShapeForm {
 public:
  int shortest_burst;  ///< bytes
  bool biased;
  bool delays;
  bool operator==(const ShapeForm&) const = default;
};

/// The tables of one seed.
class Shape {
 public:
  Shape(const SipHashDrbg::Seed& seed, const ShapeForm& form);
  /// How long to rest after a segment, 0 ... 10 ms. Only for a form with delays.
  std::chrono::microseconds sample_delay(Random& random) const;
  WeightedDist lengths;                ///< shortest_burst ... 1448 bytes
  std::optional<WeightedDist> delays;  ///< 0 ... 100 steps of 100 microseconds
};

/// The shapes of the last few seeds: connections of one bridge share theirs.
class Shapes {
 public:
  std::shared_ptr<const Shape> of(const SipHashDrbg::Seed& seed, const ShapeForm& form);

 private:
  Recent<std::pair<SipHashDrbg::Seed, ShapeForm>, Shape> recent_;
};

/// The shape that a connection has at the moment: a server has its bridge's, a client starts with one of its own and
/// takes the bridge's when its seed comes.
class CurrentShape {
 public:
  /// The shapes outlive this.
  CurrentShape(Shapes& shapes, const ShapeForm& form, const SipHashDrbg::Seed& seed)
      : shapes_(shapes), form_(form), seed_(seed) {}
  void reseed(const SipHashDrbg::Seed& seed);
  const Shape& operator*();
  const Shape* operator->() { return &**this; }

 private:
  Shapes& shapes_;
  ShapeForm form_;
  SipHashDrbg::Seed seed_;
  std::shared_ptr<const Shape> shape_;  // made when first needed: a client's first seed seldom is
};

/// Cuts a burst into full segments, each followed by a delay of the shape's.
void cut_into_segments(Burst& burst, const Shape& shape, Random& random);

}  // namespace ptproxy
