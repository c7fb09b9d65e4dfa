#pragma once
/// \file
/// The system's clock, and limits in time.

#include <ptproxy/clock.h>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>

namespace ptproxy {

using SteadyTimer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

class SystemClock final : public Clock {
 public:
  explicit SystemClock(Executor executor) : executor_(executor) {}
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
  std::int64_t unix_seconds() const override;
  Awaitable<Result<>> sleep_until(TimePoint when) override;
  std::unique_ptr<Alarm> alarm(TimePoint when, std::function<void()> ring) override;

 private:
  Executor executor_;
};

/// Passes on to `stop`, as long as this lives, when the coroutine whose slot for cancellation this is is told to stop.
class Stopped {
 public:
  Stopped(asio::cancellation_slot slot, asio::cancellation_signal& stop) : slot_(slot) {
    if (slot_.is_connected()) slot_.assign([&stop](asio::cancellation_type how) { stop.emit(how); });
  }
  ~Stopped() { slot_.clear(); }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;

 private:
  asio::cancellation_slot slot_;
};

/// Gives `op` until `limit` from now, then cancels it, waits for it to end, and answers timed_out. (Cheaper than a race
/// against a sleeper, and every connection has several.)
template <class T>
Awaitable<Result<T>> within(Clock& clock, Clock::Duration limit, Awaitable<Result<T>> op) {
  const Executor executor = co_await asio::this_coro::executor;
  const auto state = co_await asio::this_coro::cancellation_state;
  asio::cancellation_signal stop;
  const Stopped stopped(state.slot(), stop);
  bool late = false;
  const auto alarm = clock.alarm(clock.now() + limit, [&stop, &late] {
    late = true;
    stop.emit(asio::cancellation_type::terminal);
  });
  // What is told to stop may end by an exception, too.
  auto [thrown, result] =
      co_await asio::co_spawn(executor, std::move(op), asio::bind_cancellation_slot(stop.slot(), as_tuple));
  if (late) co_return error_code(asio::error::timed_out);
  if (thrown) std::rethrow_exception(thrown);
  co_return std::move(result);
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
