#include "io/worker_threads.h"

#include "io/run_handshake.h"
#include "io/spawn.h"
#include "io/timing.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>

namespace ptproxy {
namespace {

using namespace std::chrono_literals;

class WorkerThreadsTest : public ::testing::Test {
 protected:
  void spawn(Awaitable<> task) { ptproxy::spawn(io.get_executor(), "test", std::move(task)); }
  /// Runs the work, for at most `limit`.
  Awaitable<> run(Work work, Clock::Duration limit, error_code& outcome) {
    auto done = co_await within(clock, limit, workers->run(std::move(work)));
    outcome = done ? error_code() : done.error();
    ++ended;
  }
  asio::io_context io{1};
  SystemClock clock{io.get_executor()};
  std::unique_ptr<WorkerThreads> workers = std::make_unique<WorkerThreads>(io.get_executor());
  std::size_t ended = 0;
};

TEST_F(WorkerThreadsTest, WorkIsDoneElsewhereAndWaitedForHere) {
  std::thread::id worked_by, came_back_to;
  spawn([](WorkerThreads& workers, auto& there, auto& here) -> Awaitable<> {
    Work work = [&there] { there = std::this_thread::get_id(); };
    auto done = co_await workers.run(std::move(work));
    EXPECT_TRUE(done);
    here = std::this_thread::get_id();
  }(*workers, worked_by, came_back_to));
  io.run();
  EXPECT_NE(worked_by, std::thread::id());
  EXPECT_NE(worked_by, std::this_thread::get_id());
  EXPECT_EQ(came_back_to, std::this_thread::get_id());
}

TEST_F(WorkerThreadsTest, TheLoopGoesOnMeanwhile) {
  std::latch loop_went_on(1);
  error_code outcome;
  spawn(run([&] { loop_went_on.wait(); }, 1min, outcome));
  spawn([](std::latch& latch) -> Awaitable<> {
    latch.count_down();
    co_return;
  }(loop_went_on));
  io.run();
  EXPECT_EQ(ended, 1);
  EXPECT_FALSE(outcome);
}

TEST_F(WorkerThreadsTest, AWaiterMayLeaveWhileItsWorkRuns) {
  std::latch begun(1), may_end(1);
  std::atomic<bool> finished = false;
  error_code outcome;
  spawn(run(
      [&] {
        begun.count_down();
        may_end.wait();
        finished = true;
      },
      20ms, outcome));
  io.run();
  begun.wait();
  EXPECT_EQ(outcome, asio::error::timed_out);
  EXPECT_FALSE(finished);
  may_end.count_down();
  workers.reset();
  EXPECT_TRUE(finished);
  io.restart();
  io.run();
  EXPECT_EQ(ended, 1);
}

TEST_F(WorkerThreadsTest, WorkThatNobodyWaitsForNeverBegins) {
  std::latch may_end(1);
  std::vector<error_code> outcomes(65);
  for (int i = 0; i < 64; ++i) spawn(run([&] { may_end.wait(); }, 1min, outcomes[static_cast<std::size_t>(i)]));
  bool begun = false;
  spawn(run([&] { begun = true; }, 20ms, outcomes.back()));
  while (ended == 0) io.run_one();
  EXPECT_EQ(outcomes.back(), asio::error::timed_out);
  may_end.count_down();
  io.run();
  workers.reset();
  EXPECT_EQ(ended, 65);
  EXPECT_FALSE(begun);
}

TEST_F(WorkerThreadsTest, WhoComesWhenTooMuchWaitsIsToldSoAtOnce) {
  std::latch may_end(1);
  std::vector<error_code> outcomes(WorkerThreads::most_at_once + 1);
  for (auto& outcome : outcomes) spawn(run([&] { may_end.wait(); }, 1min, outcome));
  while (ended == 0) io.run_one();
  EXPECT_EQ(outcomes.back(), Errc::overloaded);
  may_end.count_down();
  io.run();
  EXPECT_EQ(ended, WorkerThreads::most_at_once + 1);
  error_code later = Errc::overloaded;
  spawn(run([] {}, 1min, later));
  io.restart();
  io.run();
  EXPECT_FALSE(later) << "room again";
}

TEST_F(WorkerThreadsTest, MayDieBeforeAnythingWasDone) {
  std::latch begun(1);
  error_code outcome;
  spawn(run([&] { begun.count_down(); }, 1min, outcome));
  for (int i = 0; i < 100; ++i) spawn(run([] { std::this_thread::sleep_for(1ms); }, 1min, outcome));
  io.poll();
  begun.wait();
  workers.reset();  // its waiters die with the loop
}

TEST_F(WorkerThreadsTest, AnExceptionComesBackToTheWaiter) {
  std::string caught;
  spawn([](WorkerThreads& workers, Clock& clock, std::string& what) -> Awaitable<> {
    try {
      Work work = [] { throw std::runtime_error("no memory"); };
      (void)co_await within(clock, 1min, workers.run(std::move(work)));
    } catch (const std::runtime_error& error) {
      what = error.what();
    }
  }(*workers, clock, caught));
  const auto began = std::chrono::steady_clock::now();
  io.run();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
  EXPECT_EQ(caught, "no memory");
}

}  // namespace
}  // namespace ptproxy
