#include "io/resolve.h"

#include "support/manual_loop.h"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <unistd.h>

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

TEST_F(ResolveTest, TellsThatDescriptorsRanOut) {
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  ASSERT_TRUE(lookup(Endpoint("localhost", 443)));
  const int next = ::dup(0);
  ::close(next);
  for (const int room : {0, 1}) {
    const rlimit scarce{static_cast<rlim_t>(next + room), usual.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &scarce), 0);
    const auto found = lookup(Endpoint("localhost", 443));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error(), boost::system::errc::too_many_files_open) << room;
  }
  EXPECT_EQ(live.count(), 0u);
}

TEST_F(ResolveTest, BeginsNothingAtTheEnd) {
  live.drain([] {});
  EXPECT_EQ(lookup(Endpoint("localhost", 443)).error(), asio::error::operation_aborted);
}

}  // namespace
}  // namespace ptproxy
