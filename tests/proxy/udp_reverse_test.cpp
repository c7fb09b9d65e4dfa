// Table 2 of pt-2.0-draft-1 row by row, and what the table leaves to us.
#include "proxy/udp_reverse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/memory_datagrams.h"

namespace ptproxy {
namespace {

using namespace std::literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Every socket that is opened has an outside.
class MemoryDatagramDialer final : public DatagramDialer {
 public:
  explicit MemoryDatagramDialer(Executor ex) : ex_(ex) {}
  Awaitable<Result<DatagramSocketPtr>> dial(const Endpoint& to) override {
    last_dialled = to;
    if (faults) throw std::runtime_error("a bug");
    if (refuses) co_return error_code(asio::error::host_not_found);
    auto& outside = opened.emplace_back(ex_);
    co_return std::make_unique<test::MemoryDatagrams>(outside);
  }
  std::deque<test::MemoryDatagrams::Outside> opened;
  Endpoint last_dialled;
  bool refuses = false, faults = false;

 private:
  Executor ex_;
};

class UdpReverseTest : public ::testing::Test, protected test::TestHouse {
 protected:
  ~UdpReverseTest() override {
    clients.clear();
    network.close();
    loop.run();
    EXPECT_EQ(chunks.lent(), 0u);
    for (const auto& app : dialer.opened) EXPECT_TRUE(app.closed);
  }
  void start() {
    proxy.emplace(services, "plain", server, dialer, Endpoint("app.example", 3478), rules);
    loop.spawn([this]() -> Awaitable<> { co_await proxy->serve(network); });
    settle();
  }
  void settle() { loop.run_until(loop.now()); }
  void pass(Clock::Duration time) { loop.run_until(loop.now() + time); }
  Stream& connect() {
    loop.spawn([this]() -> Awaitable<> {
      const Endpoint here;
      auto stream = co_await network.dial(here);
      clients.push_back(std::move(*stream));
    });
    settle();
    return *clients.back();
  }
  void say(Stream& client, std::string_view text) {
    loop.spawn(
        [this, &client, words = std::string(text)]() -> Awaitable<> { (void)co_await client.write(chunk(words)); });
    settle();
  }
  std::string heard(Stream& client) {
    std::string text;
    loop.spawn([&]() -> Awaitable<> {
      for (;;) {
        auto chunk = co_await within(loop, 0s, client.read());
        if (!chunk) break;
        text += as_text(std::as_const(*chunk).bytes());
      }
    });
    settle();
    return text;
  }

  test::LogLines log;
  test::MemoryNetwork network{loop.executor()};
  MemoryDatagramDialer dialer{loop.executor()};
  test::PlainServer server;
  UdpRules rules;
  std::optional<UdpReverse> proxy;
  std::vector<StreamPtr> clients;
};

TEST_F(UdpReverseTest, SendsFramesToTheServerAppAsPackets) {
  start();
  auto& client = connect();
  EXPECT_EQ(dialer.last_dialled, Endpoint("app.example", 3478));
  say(client, "\0\3one\0\0\0\5th"s);
  EXPECT_THAT(dialer.opened[0].texts(), ElementsAre("one", ""));
  say(client, "ree"s);
  EXPECT_THAT(dialer.opened[0].texts(), ElementsAre("one", "", "three"));
}

// Packet received | matching connection | | packet sent
TEST_F(UdpReverseTest, SendsAnswersOverTheConnectionOfTheirSocket) {
  start();
  auto& one = connect();
  auto& two = connect();
  dialer.opened[0].arrive("to one");
  dialer.opened[0].arrive("again");
  dialer.opened[1].arrive("to two");
  settle();
  EXPECT_EQ(heard(one), "\0\6to one\0\5again"s);
  EXPECT_EQ(heard(two), "\0\6to two"s);
}

// Packet received | no matching connection | | packet dropped. Connection closed | removed
TEST_F(UdpReverseTest, ClosesTheSocketWithTheConnection) {
  start();
  auto& client = connect();
  say(client, "\0\1a\0\2b"s);  // ends inside a frame, which is dropped
  client.shutdown_write();
  settle();
  EXPECT_TRUE(dialer.opened[0].closed);
  EXPECT_THAT(dialer.opened[0].texts(), ElementsAre("a"));
  EXPECT_THAT(
      log.lines,
      ElementsAre(HasSubstr("the connection was closed): 0 datagrams (0 bytes) into the transport, 1 (1 bytes)")));
}

// Write failure sending packet | removed | packet dropped
TEST_F(UdpReverseTest, ClosesTheSocketWhenAnAnswerCannotBeWritten) {
  start();
  auto& client = connect();
  loop.spawn([&]() -> Awaitable<> {
    client.close();
    dialer.opened[0].arrive("lost");
    co_return;
  });
  settle();
  EXPECT_TRUE(dialer.opened[0].closed);
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr("1 cut off")));
}

// Timeout since last packet | removed
TEST_F(UdpReverseTest, ClosesTheSocketWhenNothingPassesInEitherDirection) {
  rules.idle_limit = 100s;
  start();
  auto& client = connect();
  pass(99s);
  say(client, "\0\1a"s);
  pass(99s);
  dialer.opened[0].arrive("b");
  pass(99s);
  EXPECT_FALSE(dialer.opened[0].closed);
  pass(1s);
  EXPECT_TRUE(dialer.opened[0].closed);
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr("(idle)")));
  EXPECT_EQ(heard(client), "\0\1b"s);
}

TEST_F(UdpReverseTest, EndsAConnectionThatLosesItsFraming) {
  rules.framing = DatagramFraming::stun;
  start();
  auto& client = connect();
  say(client, "\x40\x01\0\1x\0\0\0"s + "\x80\0\0\1"s);
  EXPECT_THAT(dialer.opened[0].texts(), ElementsAre("\x40\x01\0\1x"s));
  EXPECT_TRUE(dialer.opened[0].closed);
}

TEST_F(UdpReverseTest, TurnsClientsAwayBeyondItsLimit) {
  rules.most_flows = 2;
  start();
  connect();
  connect();
  auto& third = connect();
  EXPECT_EQ(dialer.opened.size(), 2u);
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr("all 2 UDP flows are taken")));
  say(third, "\0\1a"s);
  clients[0]->shutdown_write();
  settle();
  connect();
  EXPECT_EQ(dialer.opened.size(), 3u);
}

TEST_F(UdpReverseTest, DropsAClientWhoseServerAppHasNoAddress) {
  dialer.refuses = true;
  start();
  auto& client = connect();
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr("cannot be reached")));
  bool ended = false;
  loop.spawn([&]() -> Awaitable<> { ended = (co_await client.read()).error() == asio::error::eof; });
  settle();
  EXPECT_TRUE(ended);
}

TEST_F(UdpReverseTest, WaitsForASlowClientWithABoundedQueue) {
  start();
  auto& client = connect();
  for (int i = 0; i < 1000; ++i) dialer.opened[0].arrive(std::string(1022, 'k'));
  settle();
  const auto sent = heard(client).size() / 1024;
  EXPECT_GE(sent, 256u);
  client.shutdown_write();
  settle();
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr(std::to_string(1000 - sent) + " for want of room")));
}

TEST_F(UdpReverseTest, AFlowThatEndsByAFaultMakesRoomForAnother) {
  rules.most_flows = 1;
  start();
  dialer.faults = true;
  connect();
  connect();
  dialer.faults = false;
  connect();
  EXPECT_THAT(dialer.opened, ::testing::SizeIs(1));
}

}  // namespace
}  // namespace ptproxy
