#include "proxy/forward_proxy.h"

#include "support/manual_loop.h"

#include <gtest/gtest.h>

namespace ptproxy {
namespace {

using namespace std::chrono_literals;

/// A transport that the test steers: it dials, and then perhaps fails, or waits.
class SteeredTransport final : public ClientTransport {
 public:
  explicit SteeredTransport(Clock& clock) : clock_(clock) {}
  Awaitable<Result<StreamPtr>> connect(const Endpoint& bridge, const Args& args, Dialer& dialer) override {
    last_args = args;
    (void)co_await clock_.sleep_until(clock_.now() + delay);
    if (failure) co_return failure;
    auto stream = co_await dialer.dial(bridge);
    ++connected;
    co_return stream;
  }
  Args last_args;
  error_code failure;
  std::chrono::seconds delay{0};
  int connected = 0;

 private:
  Clock& clock_;
};

class ForwardProxyTest : public ::testing::Test, protected test::TestHouse {
 protected:
  void start(FrontDoor door = {}) {
    proxy_.emplace(services, "steered", transport, bridges, std::move(door));
    loop.spawn([this]() -> Awaitable<> { co_await proxy_->serve(front); });
  }
  /// Opens the proxy's door and says `words`; then everything heard until the proxy ends, and when that was.
  void talk(std::string words, bool end_after = false) {
    loop.spawn([this, words = std::move(words), end_after]() -> Awaitable<> {
      const Endpoint here("127.0.0.1", 1);
      auto app = co_await front.dial(here);
      (void)co_await (*app)->write(chunk(words));
      if (end_after) (*app)->shutdown_write();
      heard = co_await read_all(**app);
      ended = loop.seconds();
      (*app)->shutdown_write();
    });
  }
  /// Answers each bridge connection with what it heard.
  void echo_bridges() {
    loop.spawn([this]() -> Awaitable<> {
      for (;;) {
        auto stream = co_await bridges.accept();
        if (!stream) co_return;
        loop.spawn(echo(std::move(*stream)));
      }
    });
  }
  static std::string request(std::string_view more = "") {
    return std::string("\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb", 13) + std::string(more);
  }
  static std::string answer(char rep, std::string_view more = "") {
    return std::string("\x05\x00\x05", 3) + rep + std::string("\x00\x01\x00\x00\x00\x00\x00\x00", 8) +
           std::string(more);
  }

  test::MemoryNetwork front{loop.executor()}, bridges{loop.executor()};
  SteeredTransport transport{loop};
  std::optional<ForwardProxy> proxy_;
  std::string heard;
  std::chrono::seconds ended{-1};
};

TEST_F(ForwardProxyTest, CarriesBytesToTheBridgeThatTheRequestNames) {
  start();
  echo_bridges();
  talk(request("early data"), true);
  loop.run();
  EXPECT_EQ(heard, answer(0, "early data"));
  EXPECT_EQ(bridges.last_dialled(), Endpoint("192.0.2.1", 443));
}

TEST_F(ForwardProxyTest, GivesUpOnASilentApplicationWithoutAWord) {
  start();
  talk("");
  loop.run();
  EXPECT_EQ(heard, "");
  EXPECT_EQ(ended, 10s);
  EXPECT_EQ(transport.connected, 0);
}

TEST_F(ForwardProxyTest, GivesUpOnARequestThatStops) {
  start();
  talk(request().substr(0, 9));
  loop.run();
  EXPECT_EQ(heard, std::string("\x05\x00", 2));
  EXPECT_EQ(ended, 10s);
}

TEST_F(ForwardProxyTest, TellsATimeoutWhenATransportDoesNotGiveUp) {
  transport.delay = 100s;
  start();
  talk(request());
  loop.run();
  EXPECT_EQ(heard, answer(6));
  EXPECT_EQ(ended, 61s);
}

TEST_F(ForwardProxyTest, TellsTheTruthAboutFailures) {
  const std::pair<error_code, char> rows[] = {{asio::error::connection_refused, 5},
                                              {asio::error::network_unreachable, 3},
                                              {asio::error::host_unreachable, 4},
                                              {asio::error::host_not_found, 4},
                                              {asio::error::timed_out, 6},
                                              {asio::error::access_denied, 2},
                                              {Errc::handshake_failed, 1},
                                              {Errc::unfinished_handshake, 1},
                                              {Errc::wrong_key, 1},
                                              {Errc::bad_arguments, 1},
                                              {asio::error::eof, 1}};
  start();
  for (const auto& [failure, rep] : rows) {
    transport.failure = failure;
    talk(request());
    loop.run();
    EXPECT_EQ(heard, answer(rep)) << failure.message();
  }
}

TEST_F(ForwardProxyTest, StopsConnectingWhenTheApplicationLeaves) {
  transport.delay = 30s;
  start();
  talk(request(), true);
  loop.run();
  EXPECT_EQ(transport.connected, 0);
  EXPECT_EQ(bridges.dialled(), 0);
  EXPECT_LT(ended, 30s);
}

TEST_F(ForwardProxyTest, GoesOnConnectingForAnApplicationThatHasSaidAllItWants) {
  transport.delay = 30s;
  start();
  echo_bridges();
  talk(request("GET / and that is all"), true);
  loop.run();
  EXPECT_EQ(heard, answer(0, "GET / and that is all"));
}

TEST_F(ForwardProxyTest, PutsTheConnectionsArgumentsOverTheCommonOnes) {
  FrontDoor door;
  door.options = Args().add("iat-mode", "0").add("cert", "common");
  start(std::move(door));
  echo_bridges();
  const std::string args = "iat-mode=2";
  talk(std::string("\x05\x01\x02", 3) + "\x01" + static_cast<char>(args.size()) + args + std::string("\x01\x00", 2) +
           request().substr(3),
       true);
  loop.run();
  EXPECT_EQ(transport.last_args.find("iat-mode"), "2");
  EXPECT_EQ(transport.last_args.find("cert"), "common");
}

TEST_F(ForwardProxyTest, NeedsNoRequestInTransparentMode) {
  FrontDoor door;
  door.target = Endpoint("bridge.example", 443);
  start(std::move(door));
  echo_bridges();
  talk("plain bytes", true);
  loop.run();
  EXPECT_EQ(heard, "plain bytes");
  EXPECT_EQ(bridges.last_dialled(), Endpoint("bridge.example", 443));
}

TEST_F(ForwardProxyTest, HearsABridgeThatSpeaksFirstToAnApplicationThatOnlyListens) {
  FrontDoor door;
  door.target = Endpoint("bridge.example", 443);
  start(std::move(door));
  loop.spawn([this]() -> Awaitable<> {
    auto stream = co_await bridges.accept();
    (void)co_await (*stream)->write(chunk("banner"));
    (*stream)->shutdown_write();
    (void)co_await read_all(**stream);
  });
  talk("", true);
  loop.run();
  EXPECT_EQ(heard, "banner");
}

TEST_F(ForwardProxyTest, LeavesNoChunkLent) {
  start();
  echo_bridges();
  for (int i = 0; i < 20; ++i) talk(request("data"), true);
  talk("GET / HTTP/1.1\r\n\r\n");
  loop.run();
  EXPECT_EQ(chunks.lent(), 0u);
}

}  // namespace
}  // namespace ptproxy
