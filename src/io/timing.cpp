#include "io/timing.h"

namespace ptproxy {
namespace {

class SystemAlarm final : public Clock::Alarm {
 public:
  SystemAlarm(Executor executor, Clock::TimePoint when, std::function<void()> ring)
      : ring_(std::make_shared<std::function<void()>>(std::move(ring))), timer_(executor, when) {
    // A timer that has run out cannot be stopped any more, though this may die before the loop gets to it.
    timer_.async_wait([ring = std::weak_ptr(ring_)](error_code stopped) {
      const auto alive = ring.lock();
      if (alive && !stopped) (*alive)();
    });
  }

 private:
  std::shared_ptr<std::function<void()>> ring_;
  SteadyTimer timer_;
};

}  // namespace

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

std::unique_ptr<Clock::Alarm> SystemClock::alarm(TimePoint when, std::function<void()> ring) {
  return std::make_unique<SystemAlarm>(executor_, when, std::move(ring));
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
