#pragma once
/// \file
/// obfs4 and ScrambleSuit pad what they send to lengths that a table gives, counted in full TCP segments of an
/// Ethernet.

#include <cstddef>

namespace ptproxy {

/// The most that one segment carries, and the largest frame of either transport.
inline constexpr std::size_t segment_size = 1448;

/// How many bytes bring a burst of `burst_size` to `target` (0 ... segment_size) modulo the segment: 0 ...
/// segment_size.
constexpr std::size_t gap_to(std::size_t target, std::size_t burst_size) {
  const auto tail = burst_size % segment_size;
  return target >= tail ? target - tail : segment_size - tail + target;
}

}  // namespace ptproxy
