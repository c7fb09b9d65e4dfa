#include "io/tcp.h"

#include "io/spawn.h"

#include <netinet/tcp.h>

#include <gtest/gtest.h>
#include <boost/asio/detached.hpp>

#include <filesystem>
#include <string>

namespace ptproxy {
namespace {

/// Whether the connected TCP sockets of this process have an option: the number that have it, and that have not.
std::pair<int, int> count_connected(int level, int option) {
  int with = 0, without = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int descriptor = std::stoi(entry.path().filename());
    sockaddr_storage peer;
    socklen_t size = sizeof peer;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0 || peer.ss_family != AF_INET)
      continue;
    int value = 0;
    size = sizeof value;
    EXPECT_EQ(::getsockopt(descriptor, level, option, &value, &size), 0);
    ++(value != 0 ? with : without);
  }
  return {with, without};
}

Awaitable<> accept_one(TcpListener& listener, StreamPtr& into) {
  into = (co_await listener.accept()).value();
}

Awaitable<> dial_one(TcpDialer& dialer, const Endpoint& to, StreamPtr& into) {
  into = (co_await dialer.dial(to)).value();
}

TEST(Tcp, SendsAtOnceAndNoticesDeadPeersOnBothSidesOfAConnection) {
  ChunkPool chunks;
  LiveSockets live;
  asio::io_context io;
  Loop loop(io.get_executor(), chunks, live);
  const auto listener = TcpListener::open(loop, Endpoint("127.0.0.1", 0)).value();
  const Endpoint there = listener->local();
  TcpDialer dialer(loop);
  StreamPtr accepted, dialed;
  spawn(loop.executor, "accept", accept_one(*listener, accepted));
  spawn(loop.executor, "dial", dial_one(dialer, there, dialed));
  io.run();
  ASSERT_TRUE(accepted && dialed);
  EXPECT_EQ(count_connected(IPPROTO_TCP, TCP_NODELAY), std::pair(2, 0));
  EXPECT_EQ(count_connected(SOL_SOCKET, SO_KEEPALIVE), std::pair(2, 0));
}

}  // namespace
}  // namespace ptproxy
