#pragma once
/// \file
/// Now, and sleep.

#include <ptproxy/stream.h>

#include <chrono>
#include <functional>
#include <memory>

namespace ptproxy {

class Clock {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = TimePoint::duration;
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
  /// Seconds since 1970 by the system's clock, for protocols that agree on the hour.
  virtual std::int64_t unix_seconds() const = 0;
  /// An error only when the waiter is cancelled.
  virtual Awaitable<Result<>> sleep_until(TimePoint when) = 0;

  /// Rings once unless it dies before; it may die while it rings.
  class Alarm {
   public:
    virtual ~Alarm() = default;
  };
  /// `ring` is called from the loop, at `when` or soon after.
  virtual std::unique_ptr<Alarm> alarm(TimePoint when, std::function<void()> ring) = 0;
};

}  // namespace ptproxy
