#include "io/resolve.h"

#include "support/manual_loop.h"

#include <gtest/gtest.h>

namespace ptproxy {
namespace {

using Addresses = std::vector<asio::ip::tcp::endpoint>;

class ResolveTest : public ::testing::Test {
 protected:
  Result<Addresses> lookup(const Endpoint& name) {
    Result<Addresses> found = error_code(asio::error::would_block);
    auto task = [&]() -> Awaitable<> { found = co_await resolve(loop, name); };
    spawn(io.get_executor(), "test", task());
    io.run();
    io.restart();
    return found;
  }
  ChunkPool chunks;
  LiveSockets live;
  asio::io_context io{1};
  Loop loop{io.get_executor(), chunks, live};
};

TEST_F(ResolveTest, FindsThisMachine) {
  const auto found = lookup(Endpoint("localhost", 443));
  ASSERT_TRUE(found) << found.error().message();
  for (const auto& address : *found) {
    EXPECT_TRUE(address.address().is_loopback());
    EXPECT_EQ(address.port(), 443);
  }
  EXPECT_EQ(live.count(), 0u);
}

TEST_F(ResolveTest, TellsAnImpossibleName) {
  EXPECT_FALSE(lookup(Endpoint(std::string(255, 'a'), 443)));
}

TEST_F(ResolveTest, BeginsNothingAtTheEnd) {
  live.drain([] {});
  EXPECT_EQ(lookup(Endpoint("localhost", 443)).error(), asio::error::operation_aborted);
}

}  // namespace
}  // namespace ptproxy
