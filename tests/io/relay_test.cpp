#include "io/relay.h"

#include "support/manual_loop.h"

#include <gtest/gtest.h>

namespace ptproxy {
namespace {

using namespace std::chrono_literals;

class RelayTest : public ::testing::Test, protected test::TestHouse {
 protected:
  RelayTest() {
    auto [app, near] = test::memory_pipe(loop.executor());
    auto [far, bridge] = test::memory_pipe(loop.executor());
    app_ = std::move(app);
    bridge_ = std::move(bridge);
    start_relay(loop.executor(), loop, std::move(near), std::move(far));
  }
  StreamPtr app_, bridge_;
};

TEST_F(RelayTest, CarriesBothWaysAtOnce) {
  std::string at_app, at_bridge;
  loop.spawn([&]() -> Awaitable<> {
    (void)co_await app_->write(chunk("question"));
    app_->shutdown_write();
    at_app = co_await read_all(*app_);
  });
  loop.spawn([&]() -> Awaitable<> {
    (void)co_await bridge_->write(chunk("answer"));
    bridge_->shutdown_write();
    at_bridge = co_await read_all(*bridge_);
  });
  loop.run();
  EXPECT_EQ(at_bridge, "question");
  EXPECT_EQ(at_app, "answer");
  EXPECT_EQ(chunks.lent(), 0u);
}

TEST_F(RelayTest, KeepsAHalfCloseUntilTheWholeAnswerIsThrough) {
  std::string answer;
  loop.spawn([&]() -> Awaitable<> {
    (void)co_await app_->write(chunk("request"));
    app_->shutdown_write();
    answer = co_await read_all(*app_);
  });
  loop.spawn([&]() -> Awaitable<> {
    const auto request = co_await read_all(*bridge_);  // ends with the half-close
    EXPECT_EQ(request, "request");
    for (int i = 0; i < 10; ++i) {
      (void)co_await loop.sleep_until(loop.now() + half_closed_limit - 1s);  // slow, but never silent for too long
      (void)co_await bridge_->write(chunk("part "));
    }
    bridge_->shutdown_write();
  });
  loop.run();
  EXPECT_EQ(answer, "part part part part part part part part part part ");
}

TEST_F(RelayTest, GivesUpOnASideThatIsSilentAfterTheOtherHasEnded) {
  error_code ended;
  loop.spawn([&]() -> Awaitable<> {
    app_->shutdown_write();
    (void)co_await read_all(*bridge_);  // and never answers
  });
  loop.spawn([&]() -> Awaitable<> { ended = (co_await app_->read()).error(); });
  loop.run();
  EXPECT_EQ(ended, asio::error::eof);
  EXPECT_EQ(loop.now().time_since_epoch(), half_closed_limit);
}

TEST_F(RelayTest, ClosesBothWhenOneBreaks) {
  bool app_ended = false;
  loop.spawn([&]() -> Awaitable<> {
    bridge_->close();
    (void)co_await app_->write(chunk("into the void"));
    (void)co_await read_all(*app_);
    app_ended = true;
  });
  loop.run();
  EXPECT_TRUE(app_ended);
  EXPECT_LT(loop.now().time_since_epoch(), half_closed_limit);
}

TEST_F(RelayTest, HoldsNoMoreThanAFewChunksForASlowReader) {
  std::size_t most_lent = 0;
  int written = 0;
  loop.spawn([&]() -> Awaitable<> {
    for (; written < 1000; ++written) {
      auto sent = co_await app_->write(chunk("0123456789"));
      if (!sent) co_return;
      most_lent = std::max(most_lent, chunks.lent());
    }
  });
  loop.run();  // nobody reads at the bridge
  EXPECT_LT(written, 20);
  EXPECT_LT(most_lent, 20u);
}

}  // namespace
}  // namespace ptproxy
