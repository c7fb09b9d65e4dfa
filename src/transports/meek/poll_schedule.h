#pragma once
/// \file
/// When a client asks again.

#include <algorithm>
#include <chrono>

namespace ptproxy::meek {

/// After an exchange that moved bytes, at once; else after pauses that grow by half from 100 ms to 5 s.
class PollSchedule {
 public:
  using Duration = std::chrono::microseconds;
  static constexpr Duration first = std::chrono::milliseconds(100);
  static constexpr Duration longest = std::chrono::seconds(5);

  /// The pause before the next request, if nothing is written before.
  Duration pause() const { return pause_; }
  void exchanged(bool moved) {
    if (moved)
      pause_ = Duration::zero();
    else
      pause_ = pause_ == Duration::zero() ? first : std::min(pause_ + pause_ / 2, longest);
  }

 private:
  Duration pause_ = first;
};

}  // namespace ptproxy::meek
