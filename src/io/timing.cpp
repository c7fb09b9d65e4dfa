#include "io/timing.h"

#include <boost/asio/this_coro.hpp>

namespace ptproxy {

std::int64_t SystemClock::unix_seconds() const {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

Awaitable<Result<>> SystemClock::sleep_until(TimePoint when) {
  SteadyTimer timer(executor_, when);
  auto [ec] = co_await timer.async_wait(as_tuple);
  if (ec) co_return ec;
  co_return Result<>();
}

void Bell::ring() {
  rung_ = true;
  timer_.cancel();
}

Awaitable<Result<>> Bell::wait() {
  if (!rung_) {
    timer_.expires_at(SteadyTimer::time_point::max());
    auto [ec] = co_await timer_.async_wait(as_tuple);
    if (!rung_) co_return ec;
  }
  rung_ = false;
  co_return Result<>();
}

}  // namespace ptproxy
