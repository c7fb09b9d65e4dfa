#pragma once
/// \file
/// How one side of an obfs4 connection shapes what it sends.

#include "transports/shape.h"

namespace ptproxy::obfs4 {

enum class IatMode { none = 0, segments = 1, everything = 2 };

class Shaping {
 public:
  Shaping(Shapes& all_shapes, IatMode mode, bool biased_tables)
      : shapes(all_shapes), iat_mode(mode), biased(biased_tables) {}
  ShapeForm form() const { return {0, biased, iat_mode != IatMode::none}; }
  Shapes& shapes;  ///< outlives every codec
  IatMode iat_mode;
  bool biased;
};

}  // namespace ptproxy::obfs4
