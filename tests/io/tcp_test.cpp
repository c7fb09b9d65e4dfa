#include "io/tcp.h"

#include "io/spawn.h"

#include <netinet/tcp.h>

#include <gtest/gtest.h>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace ptproxy {
namespace {

/// The number of this process's connected TCP sockets of which an option has this value, and of the others.
std::pair<int, int> count_connected(int level, int option, int wanted) {
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
    ++(value == wanted ? with : without);
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
  EXPECT_EQ(count_connected(IPPROTO_TCP, TCP_NODELAY, 1), std::pair(2, 0));
  EXPECT_EQ(count_connected(SOL_SOCKET, SO_KEEPALIVE, 1), std::pair(2, 0));
  // obfs4proxy's: an idle connection must not tell us apart from it.
  EXPECT_EQ(count_connected(IPPROTO_TCP, TCP_KEEPIDLE, 15), std::pair(2, 0));
  EXPECT_EQ(count_connected(IPPROTO_TCP, TCP_KEEPINTVL, 15), std::pair(2, 0));
}

/// Room for the connections of one test.
class TcpPair : public ::testing::Test {
 protected:
  Awaitable<> dial(Endpoint to) { dialed_.push_back(co_await dialer_.dial(to)); }
  Awaitable<> dial_one_of(std::vector<asio::ip::tcp::endpoint> addresses) {
    dialed_.push_back(co_await dialer_.dial_one_of(std::move(addresses)));
  }
  Awaitable<> accept(TcpListener& listener, int many) {
    for (int i = 0; i < many; ++i) accepted_.push_back(co_await listener.accept());
  }
  Awaitable<> hear(Stream& stream) { heard_ = as_text((co_await stream.read()).value().bytes()); }
  Awaitable<> hear_all(Stream& stream, std::size_t size, std::function<void()> once_begun) {
    co_await hear(stream);
    asio::post(io_, std::move(once_begun));
    while (heard_.size() < size) heard_ += as_text((co_await stream.read()).value().bytes());
  }
  static asio::ip::tcp::endpoint resolved(const Endpoint& literal) {
    return {asio::ip::make_address(literal.host()), literal.port()};
  }
  void start(Awaitable<> task) { spawn(loop_.executor, "test", std::move(task)); }

  ChunkPool chunks_;
  LiveSockets live_;
  asio::io_context io_;
  Loop loop_{io_.get_executor(), chunks_, live_};
  TcpDialer dialer_{loop_};
  std::vector<Result<StreamPtr>> dialed_, accepted_;
  std::string heard_;
};

/// Listens, but has no room for a connection until it accepts one: the kernel drops who asks, who asks again a second
/// later.
class FullListener {
 public:
  explicit FullListener(asio::io_context& io) : listener_(io, {asio::ip::address_v4::loopback(), 0}), first_(io) {
    listener_.listen(0);
    first_.connect(listener_.local_endpoint());
  }
  Endpoint address() const { return {"127.0.0.1", listener_.local_endpoint().port()}; }
  asio::ip::tcp::socket accept() { return listener_.accept(); }

 private:
  asio::ip::tcp::acceptor listener_;
  asio::ip::tcp::socket first_;
};

TEST_F(TcpPair, ARefusedConnectionIsToldAsOne) {
  asio::ip::tcp::acceptor bound(io_, {asio::ip::address_v4::loopback(), 0});
  const Endpoint nobody("127.0.0.1", bound.local_endpoint().port());
  bound.close();
  start(dial(nobody));
  io_.run();
  ASSERT_EQ(dialed_.size(), 1U);
  EXPECT_EQ(dialed_[0].error(), asio::error::connection_refused);
}

TEST_F(TcpPair, APeerThatAnswersLaterIsWaitedFor) {
  FullListener listener(io_);
  start(dial(listener.address()));
  io_.run_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(dialed_.empty());
  const auto first = listener.accept();
  io_.run_for(std::chrono::seconds(10));
  ASSERT_EQ(dialed_.size(), 1U);
  ASSERT_TRUE(dialed_[0]) << dialed_[0].error().message();
  EXPECT_EQ((*dialed_[0])->peer(), listener.address());
  auto second = listener.accept();
  second.send(asio::buffer("x", 1));
  start(hear(**dialed_[0]));
  io_.restart();
  io_.run_for(std::chrono::seconds(10));
  EXPECT_EQ(heard_, "x");
}

TEST_F(TcpPair, OfANamesAddressesTheNextIsTriedWhenOneIsSilent) {
  const FullListener silent(io_);
  const auto listener = TcpListener::open(loop_, Endpoint("127.0.0.1", 0)).value();
  start(dial_one_of({resolved(silent.address()), resolved(listener->local())}));
  io_.run_for(std::chrono::seconds(8));
  ASSERT_EQ(dialed_.size(), 1U);
  ASSERT_TRUE(dialed_[0]) << dialed_[0].error().message();
  EXPECT_EQ((*dialed_[0])->peer(), listener->local());
}

TEST_F(TcpPair, OfANamesAddressesTheSecondTryIsOfTheOtherFamily) {
  const auto listener = TcpListener::open(loop_, Endpoint("::1", 0));
  if (!listener) GTEST_SKIP() << "no IPv6 here";
  const FullListener silent(io_);
  const auto v4 = resolved(silent.address()), v6 = resolved((*listener)->local());
  start(dial_one_of({v4, v4, v4, v6}));
  io_.run_for(std::chrono::milliseconds(5500));  // one silent address has three seconds, two have six
  ASSERT_EQ(dialed_.size(), 1U);
  EXPECT_TRUE(dialed_[0]);
}

TEST_F(TcpPair, AnAttemptEndsWhenTheLoopDrains) {
  FullListener listener(io_);
  start(dial(listener.address()));
  io_.run_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(dialed_.empty());
  live_.drain([] {});
  io_.run_for(std::chrono::seconds(10));
  ASSERT_EQ(dialed_.size(), 1U);
  EXPECT_FALSE(dialed_[0]);
}

TEST_F(TcpPair, ConnectionsThatCameTogetherAreAllAccepted) {
  const auto listener = TcpListener::open(loop_, Endpoint("127.0.0.1", 0)).value();
  constexpr int many = 40;
  for (int i = 0; i < many; ++i) start(dial(listener->local()));
  io_.run();
  start(accept(*listener, many + 1));
  io_.restart();
  io_.run_for(std::chrono::milliseconds(50));
  EXPECT_EQ(accepted_.size(), static_cast<std::size_t>(many));
  // And who comes later finds the listener waiting.
  start(dial(listener->local()));
  io_.restart();
  io_.run_for(std::chrono::seconds(10));
  EXPECT_EQ(accepted_.size(), static_cast<std::size_t>(many + 1));
}

TEST_F(TcpPair, OthersGetTheirTurnWhileConnectionsRushIn) {
  const auto listener = TcpListener::open(loop_, Endpoint("127.0.0.1", 0)).value();
  constexpr int many = 300;
  for (int i = 0; i < many; ++i) start(dial(listener->local()));
  io_.run();
  std::size_t before_others = 0;
  start(accept(*listener, many));
  asio::post(io_, [&] { before_others = accepted_.size(); });
  io_.restart();
  io_.run_for(std::chrono::seconds(10));
  EXPECT_GT(before_others, 0U);
  EXPECT_LT(before_others, 100U);
  EXPECT_EQ(accepted_.size(), static_cast<std::size_t>(many));
}

TEST_F(TcpPair, OthersGetTheirTurnWhileOneStreamIsAlwaysFull) {
  // UNIX sockets, because the kernel hands over at once as much as they hold.
  asio::local::stream_protocol::socket sender(io_), receiver(io_);
  asio::local::connect_pair(sender, receiver);
  sender.set_option(asio::socket_base::send_buffer_size(1 << 20));
  sender.non_blocking(true);
  const std::string block(Chunk::read_limit, 'x');
  std::size_t sent = 0, before_others = 0;
  for (error_code full; !full;) sent += sender.write_some(asio::buffer(block), full);
  ASSERT_GE(sent, 6 * Chunk::read_limit);

  SocketStream stream(loop_,
                      StreamSocket(loop_.executor, asio::generic::stream_protocol(AF_UNIX, 0), receiver.release()));
  start(hear_all(stream, sent, [&] { before_others = heard_.size(); }));
  io_.run_for(std::chrono::seconds(10));
  EXPECT_LE(before_others, 4 * Chunk::read_limit);
  EXPECT_EQ(heard_.size(), sent);
}

}  // namespace
}  // namespace ptproxy
