#pragma once
/// \file
/// The system's clock, and limits in time.

#include <ptproxy/clock.h>

#include "io/race.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/error.hpp>

namespace ptproxy {

using SteadyTimer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

class SystemClock final : public Clock {
 public:
  explicit SystemClock(Executor executor) : executor_(executor) {}
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
  std::int64_t unix_seconds() const override;
  Awaitable<Result<>> sleep_until(TimePoint when) override;

 private:
  Executor executor_;
};

/// Gives `op` until `limit` from now, then cancels it and answers timed_out.
template <class T>
Awaitable<Result<T>> within(Clock& clock, Clock::Duration limit, Awaitable<Result<T>> op) {
  auto first = co_await race(std::move(op), clock.sleep_until(clock.now() + limit));
  if (first.index() == 0) co_return std::move(std::get<0>(first));
  // A clock that did not run out was cancelled, and so is all of this.
  co_return std::get<1>(first) ? error_code(asio::error::timed_out) : std::get<1>(first).error();
}

/// Something to wait on until somebody rings. One waiter at a time.
class Bell {
 public:
  explicit Bell(Executor executor) : timer_(executor) {}
  void ring();
  /// An error only when the waiter is cancelled. A ring before the wait counts.
  Awaitable<Result<>> wait();

 private:
  SteadyTimer timer_;
  bool rung_ = false;
};

}  // namespace ptproxy
