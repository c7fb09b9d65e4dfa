#include "io/timing.h"

#include "io/race.h"
#include "support/manual_loop.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace ptproxy {
namespace {

using namespace std::chrono_literals;

class WithinTest : public ::testing::Test, protected test::TestHouse {
 protected:
  Awaitable<Result<std::string>> after(Clock::Duration time) {
    auto slept = co_await loop.sleep_until(loop.now() + time);
    told_to_stop_ = !slept;
    if (!slept) co_return slept.error();
    co_return std::string("done");
  }
  /// "done", the error's text, or the exception's, and when that was.
  std::string outcome(Awaitable<Result<std::string>> op, Clock::Duration limit) {
    std::string text;
    loop.spawn([&]() -> Awaitable<> {
      try {
        auto result = co_await within(loop, limit, std::move(op));
        text = result ? *result : result.error() == asio::error::timed_out ? "timed out" : result.error().message();
      } catch (const std::exception& thrown) {
        text = thrown.what();
      }
      text += " at " + std::to_string(loop.seconds().count());
    });
    loop.run();
    return text;
  }
  bool told_to_stop_ = false;
};

TEST_F(WithinTest, GivesTheResultOfWhatIsInTime) {
  EXPECT_EQ(outcome(after(2s), 3s), "done at 2");
  EXPECT_FALSE(told_to_stop_);
}

TEST_F(WithinTest, StopsWhatIsTooSlow) {
  EXPECT_EQ(outcome(after(4s), 3s), "timed out at 3");
  EXPECT_TRUE(told_to_stop_);
}

TEST_F(WithinTest, PassesOnWhatIsThrown) {
  const auto fail = [](Clock& clock) -> Awaitable<Result<std::string>> {
    (void)co_await clock.sleep_until(clock.now() + 1s);
    throw std::runtime_error("a fault");
  };
  EXPECT_EQ(outcome(fail(loop), 3s), "a fault at 1");
}

TEST_F(WithinTest, IsLateAlsoForWhatThrowsWhenItIsToldToStop) {
  const auto go_on = [](Clock& clock) -> Awaitable<Result<std::string>> {
    (void)co_await clock.sleep_until(clock.now() + 9s);
    (void)co_await clock.sleep_until(clock.now() + 9s);  // throws, as every co_await of a coroutine that was cancelled
    co_return std::string("done");
  };
  EXPECT_EQ(outcome(go_on(loop), 3s), "timed out at 3");
}

TEST_F(WithinTest, TheShorterOfTwoLimitsCounts) {
  EXPECT_EQ(outcome(within(loop, 5s, after(9s)), 2s), "timed out at 2");
  EXPECT_EQ(outcome(within(loop, 2s, after(9s)), 5s), "timed out at 4");
  EXPECT_EQ(outcome(within(loop, 2s, after(1s)), 5s), "done at 5");
}

TEST_F(WithinTest, StopsWhenItIsItselfToldTo) {
  loop.spawn([&]() -> Awaitable<> {
    auto first = co_await race(within(loop, 1h, after(1h)), after(2s));
    EXPECT_EQ(first.index(), 1u);
  });
  loop.run();
  EXPECT_EQ(loop.seconds(), 2s);
  EXPECT_TRUE(told_to_stop_);
}

TEST_F(WithinTest, LimitsOneThingAfterTheOther) {
  std::string text;
  loop.spawn([&]() -> Awaitable<> {
    for (const auto& time : {1s, 3s, 1s}) {
      auto result = co_await within(loop, 2s, after(time));
      text += result ? "in time, " : "late, ";
    }
    auto slept = co_await loop.sleep_until(loop.now() + 10s);
    text += slept ? "not stopped" : "stopped";
  });
  loop.run();
  EXPECT_EQ(text, "in time, late, in time, not stopped");
}

Awaitable<Result<std::string>> sleep_long(Clock& clock) {
  (void)co_await clock.sleep_until(clock.now() + 1h);
  co_return std::string("done");
}

Awaitable<Result<std::string>> race_two(Clock& clock) {
  auto first = co_await race(within(clock, 1h, sleep_long(clock)), within(clock, 2h, sleep_long(clock)));
  co_return std::to_string(first.index());
}

Awaitable<> wait_for(Awaitable<Result<std::string>> op) {
  (void)co_await std::move(op);
}

// What is suspended when the program ends dies with the loop, however far it has got.
TEST(Within, DiesWithItsLoop) {
  for (int turns = 0; turns < 30; ++turns) {
    asio::io_context io;
    SystemClock clock(io.get_executor());
    const auto start = [&](Awaitable<Result<std::string>> op) {
      spawn(io.get_executor(), "suspended", wait_for(std::move(op)));
    };
    start(within(clock, 1h, sleep_long(clock)));
    start(within(clock, 1h, within(clock, 2h, within(clock, 1h, sleep_long(clock)))));
    start(within(clock, 1h, race_two(clock)));
    for (int i = 0; i < turns; ++i) io.poll_one();
    EXPECT_FALSE(io.stopped());
  }
}

class SystemAlarmTest : public ::testing::Test {
 protected:
  asio::io_context io;
  SystemClock clock{io.get_executor()};
  int rung = 0;
};

TEST_F(SystemAlarmTest, RingsOnce) {
  const auto alarm = clock.alarm(clock.now() + 5ms, [&] { ++rung; });
  io.run();
  EXPECT_EQ(rung, 1);
}

TEST_F(SystemAlarmTest, IsSilentOnceItIsDead) {
  auto alarm = clock.alarm(clock.now() + 1h, [&] { ++rung; });
  alarm.reset();
  io.run();
  EXPECT_EQ(rung, 0);
}

TEST_F(SystemAlarmTest, IsSilentWhenItDiesAfterItsTimeButBeforeItsTurn) {
  std::unique_ptr<Clock::Alarm> second;
  const auto when = clock.now() + 2ms;
  const auto first = clock.alarm(when, [&] { second.reset(); });
  second = clock.alarm(when, [&] { ++rung; });
  while (clock.now() < when) {
  }
  io.run();
  EXPECT_EQ(rung, 0);
}

TEST_F(SystemAlarmTest, MayDieWhileItRings) {
  std::unique_ptr<Clock::Alarm> alarm;
  std::string kept(100, 'x'), heard;
  alarm = clock.alarm(clock.now(), [&, kept] {
    alarm.reset();
    heard = kept;
  });
  io.run();
  EXPECT_EQ(heard, kept);
}

}  // namespace
}  // namespace ptproxy
