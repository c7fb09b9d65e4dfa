#include "support/manual_loop.h"
#include "transports/obfs4/handshake.h"
#include "transports/registry.h"

#include "io/run_handshake.h"

#include <ptproxy/log.h>

#include <gtest/gtest.h>

#include <set>

namespace ptproxy::obfs4 {
namespace {

using namespace std::chrono_literals;

/// The client on its own, towards bridges that go wrong in one way each.
class Obfs4ClientTest : public ::testing::Test, protected test::TestHouse {
 protected:
  Obfs4ClientTest() : TestHouse("/nonexistent") {
    log::set_sink([this](log::Level, std::string_view line) { lines += std::string(line) + "\n"; });
  }
  ~Obfs4ClientTest() override {
    log::set_sink([](log::Level, std::string_view) {});
  }

  /// A bridge that greets each connection with a server handshake of this identity, by a clock `skew` off.
  void serve(const Identity& as, std::chrono::seconds skew = 0s) {
    loop.spawn([this, &as, skew]() -> Awaitable<> {
      for (;;) {
        auto wire = co_await network.accept();
        if (!wire) co_return;
        ServerHandshake server(as, KeyPair::generate(random), filter, loop.now(), loop.unix_seconds() + skew.count(),
                               shaping, random);
        auto heard = co_await (*wire)->read();
        if (!heard) continue;
        const auto hello = std::as_const(*heard).bytes();
        representatives.emplace(as_text(hello.first(32)));
        ByteQueue in;
        in.append(hello);
        auto talked = co_await run_handshake(**wire, chunks, server, std::move(in));
        outcomes.push_back(talked ? error_code() : talked.error());
        if (after_hello) after_hello();
        (void)co_await read_all(**wire);
      }
    });
  }
  void connect() {
    Args args = Args().add("cert", identity.bridge.cert()).add("iat-mode", "0");
    loop.spawn([this, args]() -> Awaitable<> {
      auto stream = co_await client->connect(bridge, args, network);
      connected = static_cast<bool>(stream);
      why = stream ? error_code() : stream.error();
      ended = loop.seconds();
      if (stream) (*stream)->close();
    });
    loop.run();
  }
  Identity impostor() {
    Identity other = identity;
    other.private_key = Secret<32>(Bytes(32, 9));
    return other;
  }

  Identity identity{NodeId{1, 2, 3}, Secret<32>(Bytes(32, 7)), SipHashDrbg::Seed{4, 5, 6}, IatMode::none};
  ReplayFilter filter{random, 3h, 100};
  Shapes shapes;
  Shaping shaping{shapes, IatMode::none, false};
  std::unique_ptr<ClientTransport> client = find_transport("obfs4")->make_client(services).value();
  test::MemoryNetwork network{loop.executor()};
  Endpoint bridge{"192.0.2.1", 443};
  std::function<void()> after_hello;
  std::set<std::string> representatives;
  std::vector<error_code> outcomes;
  std::string lines;
  error_code why;
  bool connected = false;
  std::chrono::seconds ended{-1};
};

TEST_F(Obfs4ClientTest, ConnectsAtOnceToTheRightBridge) {
  serve(identity);
  connect();
  EXPECT_TRUE(connected) << why.message();
  EXPECT_EQ(network.dialled(), 1);
}

TEST_F(Obfs4ClientTest, TriesThreeConnectionsWithThreeKeysWhenOnlyTheKeyIsWrong) {
  const auto other = impostor();
  serve(other);
  connect();
  EXPECT_EQ(why, Errc::wrong_key);
  EXPECT_EQ(network.dialled(), 3);
  EXPECT_EQ(representatives.size(), 3u);
  EXPECT_EQ(ended, 0s);
}

TEST_F(Obfs4ClientTest, GetsThroughWhenTheNextKeySuits) {
  Identity bridge_now = impostor();
  after_hello = [&] { bridge_now = identity; };
  serve(bridge_now);
  connect();
  EXPECT_TRUE(connected) << why.message();
  EXPECT_EQ(network.dialled(), 2);
}

TEST_F(Obfs4ClientTest, TriesNothingAgainAfterAnyOtherFailure) {
  loop.spawn([this]() -> Awaitable<> {
    for (bool garbage : {true, false}) {
      auto wire = co_await network.accept();
      (void)co_await (*wire)->read();
      for (int i = 0; garbage && i < 3; ++i) {
        const std::string noise(4096, 'x');
        (void)co_await (*wire)->write(chunk(noise));
      }
    }
  });
  connect();
  EXPECT_EQ(why, Errc::handshake_failed);
  connect();
  EXPECT_EQ(why, Errc::unfinished_handshake);
  network.refuse();
  connect();
  EXPECT_EQ(why, asio::error::connection_refused);
  EXPECT_EQ(network.dialled(), 3);
}

TEST_F(Obfs4ClientTest, NamesTheTwoCausesOfSilenceAfterAMinute) {
  serve(identity, 2h);  // it finds the mark and no MAC that fits, and tells nobody
  connect();
  EXPECT_EQ(outcomes.at(0), Errc::skewed_clock);
  EXPECT_EQ(why, asio::error::timed_out);
  EXPECT_NE(lines.find("the cert is wrong or the clocks are hours apart"), std::string::npos) << lines;
  EXPECT_EQ(network.dialled(), 1);
}

TEST_F(Obfs4ClientTest, GivesDialAndHandshakesOneMinuteInAll) {
  loop.spawn([this]() -> Awaitable<> {
    auto wire = co_await network.accept();
    (void)co_await read_all(**wire);
  });
  connect();
  EXPECT_EQ(why, asio::error::timed_out);
  EXPECT_EQ(ended, 60s);
  EXPECT_NE(lines.find("the cert is wrong or the clocks are hours apart"), std::string::npos) << lines;
}

}  // namespace
}  // namespace ptproxy::obfs4
