// Table 1 of pt-2.0-draft-1 row by row, and what the table leaves to us.
#include "proxy/udp_forward.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/memory_datagrams.h"

namespace ptproxy {
namespace {

using namespace std::literals;
using test::sender;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class UdpForwardTest : public ::testing::Test, protected test::TestHouse {
 protected:
  ~UdpForwardTest() override {
    bridge.reset();
    network.refuse();
    apps.closed = true;
    apps.arrived.ring();
    loop.run();
    EXPECT_EQ(chunks.lent(), 0u);
    EXPECT_TRUE(served) << "a flow has not ended";
  }

  void start() {
    route.target = Endpoint("192.0.2.1", 443);
    proxy.emplace(services, "plain", client, network, route);
    loop.spawn([this]() -> Awaitable<> {
      test::MemoryDatagrams socket(apps);
      co_await proxy->serve(socket);
      served = true;
    });
    settle();
  }
  /// Everything that can happen without the clock moving.
  void settle() { loop.run_until(loop.now()); }
  void pass(Clock::Duration time) { loop.run_until(loop.now() + time); }
  void arrive(std::string_view text, Byte from = 1) {
    apps.arrive(text, sender(from));
    settle();
  }
  /// The far end of the next connection, which there must be.
  StreamPtr accepted() {
    StreamPtr found;
    bool given_up = false;
    loop.spawn([&]() -> Awaitable<> {
      auto stream = co_await within(loop, 0s, network.accept());
      if (stream) found = std::move(*stream);
      given_up = true;
    });
    settle();
    EXPECT_TRUE(given_up);
    return found;
  }
  void connect(Byte from = 1) {
    arrive("first", from);
    bridge = accepted();
    ASSERT_TRUE(bridge);
  }
  /// What the far end has to read now.
  std::string heard() {
    std::string text;
    loop.spawn([&]() -> Awaitable<> {
      for (;;) {
        auto chunk = co_await within(loop, 0s, bridge->read());
        if (!chunk) break;
        text += as_text(std::as_const(*chunk).bytes());
      }
    });
    settle();
    return text;
  }
  void say(std::string_view text) {
    loop.spawn([this, words = std::string(text)]() -> Awaitable<> { (void)co_await bridge->write(chunk(words)); });
    settle();
  }
  static std::string frame(std::string_view text) {
    return std::string{static_cast<char>(text.size() >> 8), static_cast<char>(text.size())} + std::string(text);
  }

  test::LogLines log;
  test::MemoryDatagrams::Outside apps{loop.executor()};
  test::MemoryNetwork network{loop.executor()};
  test::PlainClient client{loop};
  UdpRoute route;
  std::optional<UdpForward> proxy;
  StreamPtr bridge;
  bool served = false;
};

// Packet received | no matching connection | new connection, Waiting | packet dropped
TEST_F(UdpForwardTest, OpensAConnectionForANewSenderAndDropsItsPacket) {
  route.options.add("key", "value");
  start();
  EXPECT_EQ(client.attempts, 0);
  arrive("first");
  EXPECT_EQ(client.attempts, 1);
  EXPECT_EQ(client.last_args, Args().add("key", "value"));
  EXPECT_EQ(network.last_dialled(), Endpoint("192.0.2.1", 443));
  bridge = accepted();
  EXPECT_EQ(heard(), "");
}

// Packet received | Waiting | | packet dropped
TEST_F(UdpForwardTest, DropsPacketsWhileConnecting) {
  client.takes = 5s;
  start();
  arrive("first");
  pass(2s);
  arrive("second");
  arrive("third");
  pass(3s);
  EXPECT_EQ(client.attempts, 1);
  bridge = accepted();
  EXPECT_EQ(heard(), "");
  arrive("fourth");  // Connection successful | Waiting | Connected
  EXPECT_EQ(heard(), frame("fourth"));
}

TEST_F(UdpForwardTest, AFlowThatEndsByAFaultLeavesNothingBehind) {
  start();
  client.faults = true;
  arrive("first");
  arrive("second");  // finds no flow, and opens another
  EXPECT_EQ(client.attempts, 2);
  client.faults = false;
  connect();
  arrive("third");
  EXPECT_EQ(heard(), frame("third"));
}

// Not the draft's, and only where asked for.
TEST_F(UdpForwardTest, HoldsAsManyPacketsWhileConnectingAsItIsTold) {
  route.most_held = 2;
  client.takes = 5s;
  start();
  arrive("first");
  arrive("second");
  arrive("third");
  pass(5s);
  bridge = accepted();
  EXPECT_EQ(heard(), frame("first") + frame("second"));
  bridge->shutdown_write();
  settle();
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr(
                             "2 datagrams (11 bytes) into the transport, 0 (0 bytes) out of it; dropped: 1 while "
                             "connecting")));
}

// Packet received | Connected | | packet sent
TEST_F(UdpForwardTest, SendsPacketsOverTheConnection) {
  start();
  connect();
  arrive("second");
  arrive("");
  arrive("third");
  EXPECT_EQ(heard(), frame("second") + frame("") + frame("third"));
  EXPECT_EQ(client.attempts, 1);
}

// Connection closed | Connected | removed
TEST_F(UdpForwardTest, RemovesAConnectionThatIsClosed) {
  start();
  connect();
  arrive("second");
  EXPECT_EQ(heard(), frame("second"));
  bridge->shutdown_write();
  settle();
  EXPECT_THAT(log.lines,
              ElementsAre(HasSubstr("the connection was closed): 1 datagrams (6 bytes) into the transport, 0 (0 bytes) "
                                    "out of it; dropped: 1 while connecting")));
  connect();  // opens another, for which it is the first packet
  EXPECT_EQ(client.attempts, 2);
  EXPECT_EQ(heard(), "");
  arrive("again");
  EXPECT_EQ(heard(), frame("again"));
}

// Connection failed | Waiting | removed
TEST_F(UdpForwardTest, RemovesAConnectionThatFailsAndRestsBeforeTheNext) {
  network.refuse();
  start();
  arrive("first");
  EXPECT_EQ(client.attempts, 1);
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr("no connection to [scrubbed]")));
  arrive("at once");
  EXPECT_EQ(client.attempts, 1);
  pass(1s);
  arrive("a second later");
  EXPECT_EQ(client.attempts, 2);
  pass(1s);
  arrive("another second later");
  EXPECT_EQ(client.attempts, 2);
  pass(1s);
  arrive("and another");
  EXPECT_EQ(client.attempts, 3);
}

TEST_F(UdpForwardTest, GivesAConnectionAMinute) {
  client.takes = 3600s;
  start();
  for (int second = 0; second < 59; second += 10, pass(10s)) arrive("packet");
  EXPECT_EQ(client.aborted, 1);
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr("6 datagrams dropped")));
}

// Write failure sending packet | Connected | removed | packet dropped
TEST_F(UdpForwardTest, RemovesAConnectionThatCannotBeWrittenTo) {
  start();
  connect();
  loop.spawn([&]() -> Awaitable<> {
    bridge->close();  // in one step with the packets, so that they are queued before the end is heard
    apps.arrive("lost", sender(1));
    apps.arrive("lost too", sender(1));
    co_return;
  });
  settle();
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr("2 cut off")));
  arrive("opens another");
  EXPECT_EQ(client.attempts, 2);
  bridge = accepted();
}

// Timeout since last packet | Connected | removed
TEST_F(UdpForwardTest, RemovesAConnectionThatIsIdle) {
  route.rules.idle_limit = 100s;
  start();
  connect();
  pass(99s);
  arrive("from the application");
  pass(99s);
  say(frame("to the application"));
  pass(99s);
  EXPECT_THAT(log.lines, IsEmpty());
  pass(1s);
  EXPECT_THAT(log.lines,
              ElementsAre(HasSubstr("(idle): 1 datagrams (20 bytes) into the transport, 1 (18 bytes) out of it")));
  arrive("opens another");
  EXPECT_EQ(client.attempts, 2);
  bridge = accepted();
}

// Timeout since last packet | Waiting | removed
TEST_F(UdpForwardTest, GivesUpConnectingWhenNothingMoreComes) {
  route.rules.idle_limit = 10s;
  client.takes = 50s;
  start();
  arrive("first");
  pass(9s);
  arrive("second");
  pass(9s);
  EXPECT_EQ(client.aborted, 0);
  pass(1s);
  EXPECT_EQ(client.aborted, 1);
}

TEST_F(UdpForwardTest, GivesEverySenderAConnectionAndItsOwnAnswers) {
  start();
  connect(1);
  auto bridge_of_1 = std::move(bridge);
  connect(2);
  arrive("from two", 2);
  EXPECT_EQ(heard(), frame("from two"));
  say(frame("to two") + frame("and more"));
  bridge.swap(bridge_of_1);
  say(frame("to one"));
  EXPECT_THAT(apps.texts(sender(1)), ElementsAre("to one"));
  EXPECT_THAT(apps.texts(sender(2)), ElementsAre("to two", "and more"));
}

TEST_F(UdpForwardTest, SendsAnswersThatComeTogetherInOneBatch) {
  start();
  connect();
  std::string many;
  for (int i = 0; i < 100; ++i) many += frame("answer");
  say(many + "\x00"s);
  EXPECT_THAT(apps.batches, ElementsAre(64, 36));
  say("\x02hi"s);
  EXPECT_EQ(apps.texts(sender(1)).back(), "hi");
}

TEST_F(UdpForwardTest, WritesPacketsThatComeTogetherInOneChunk) {
  start();
  connect();
  for (int i = 0; i < 20; ++i) apps.arrive("packet", sender(1));
  settle();
  loop.spawn([&]() -> Awaitable<> {
    auto chunk = co_await bridge->read();
    EXPECT_EQ(std::as_const(*chunk).bytes().size(), 20 * 8u);
  });
  settle();
}

TEST_F(UdpForwardTest, TurnsNewSendersAwayWhenThePoolIsFull) {
  route.rules.most_flows = 3;
  start();
  for (Byte from = 1; from <= 10; ++from) arrive("packet", from);
  EXPECT_EQ(client.attempts, 3);
  bridge = accepted();
  arrive("from a sender of the pool", 1);
  EXPECT_EQ(heard(), frame("from a sender of the pool"));
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr("dropped so far: 1 as all 3 flows were taken")));
  bridge->shutdown_write();
  settle();
  arrive("now there is room", 9);
  EXPECT_EQ(client.attempts, 4);
  pass(60s);
  arrive("told once a minute", 10);
  EXPECT_THAT(log.lines.back(), HasSubstr("dropped so far: 8 as all 3 flows were taken"));
  for (int i = 0; i < 3; ++i) (void)accepted();
}

TEST_F(UdpForwardTest, DropsTheNewestWhenTheTransportIsSlow) {
  start();
  connect();
  // The pipe holds 4 chunks, one more is being written, and 256 KiB wait.
  const std::string kilobyte(1022, 'k');
  for (int i = 0; i < 1000; ++i) apps.arrive(std::to_string(1000 + i) + kilobyte.substr(4), sender(1));
  settle();
  const auto all = heard();
  const auto sent = all.size() / 1024;
  EXPECT_GE(sent, 256u + 32);
  EXPECT_LE(sent, 256u + 5 * 32 + 1);
  for (std::size_t i = 0; i < sent; ++i) EXPECT_EQ(all.substr(i * 1024 + 2, 4), std::to_string(1000 + i));
  bridge->shutdown_write();
  settle();
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr(std::to_string(1000 - sent) + " for want of room")));
}

TEST_F(UdpForwardTest, EndsAConnectionThatLosesItsFraming) {
  route.rules.framing = DatagramFraming::stun;
  start();
  connect();
  say("\x40\x00\x00\x01"s + "a\0\0\0"s + "\x80");
  EXPECT_THAT(apps.texts(sender(1)), ElementsAre("\x40\x00\x00\x01"s + "a"));  // what came before is good
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr("not framed")));
}

TEST_F(UdpForwardTest, CountsWhatStunModeCannotCarry) {
  route.rules.framing = DatagramFraming::stun;
  start();
  connect();
  arrive("no STUN");
  arrive("\x40\x00\x00\x01"s + "a");
  arrive("");
  EXPECT_EQ(heard(), "\x40\x00\x00\x01"s + "a\0\0\0"s);
  bridge->shutdown_write();
  settle();
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr("2 that were not STUN")));
}

TEST_F(UdpForwardTest, CountsWhatTheNetworkRefuses) {
  start();
  connect();
  const std::string too_long(65520, 't');
  say(frame(too_long).substr(0, 32768));
  say(frame(too_long).substr(32768) + frame("good"));
  EXPECT_THAT(apps.texts(sender(1)), ElementsAre("good"));
  bridge->shutdown_write();
  settle();
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr("1 refused by the network")));
}

TEST_F(UdpForwardTest, SeesOffWhatIsQueuedWhenItsSocketEnds) {
  start();
  connect();
  loop.spawn([&]() -> Awaitable<> {
    for (int i = 0; i < 250; ++i) apps.arrive(std::string(998, 'x'), sender(1));
    apps.closed = true;  // as when the program drains: what has arrived is still carried
    bridge->shutdown_write();
    co_return;
  });
  settle();
  EXPECT_EQ(heard().size(), 250 * 1000u);
  settle();
  EXPECT_TRUE(served);
}

TEST_F(UdpForwardTest, AccountsForEveryOneOfAHundredThousandPackets) {
  start();
  connect();
  DatagramReader reader(DatagramFraming::length_prefix);
  std::uint64_t next = 0, heard = 0;
  bool in_order = true, whole = true;
  loop.spawn([&]() -> Awaitable<> {
    for (;;) {
      auto chunk = co_await bridge->read();
      if (!chunk) break;
      reader.feed(chunk->bytes());
      for (auto datagram = reader.next(); datagram && *datagram; datagram = reader.next()) {
        Reader fields(**datagram);
        const auto number = *fields.u32();
        const auto size = *fields.u32();
        in_order = in_order && number >= next;
        whole = whole && size == (*datagram)->size() && (size == 8 || (*datagram)->back() == static_cast<Byte>(number));
        next = number + 1;
        ++heard;
      }
      if (heard % 7 == 0) (void)co_await loop.sleep_until(loop.now() + 1ms);  // at times slower than the sender
    }
  });
  loop.spawn([&]() -> Awaitable<> {
    for (std::uint32_t number = 0; number < 100'000; ++number) {
      const auto size = 8 + random.below(random.below(20) == 0 ? 65500 : 1400);
      ByteQueue head;
      head.append_u32(number);
      head.append_u32(size);
      Bytes datagram(head.view().begin(), head.view().end());
      datagram.resize(size, static_cast<Byte>(number));
      apps.arrive(std::move(datagram), sender(1));
      if (random.below(40) == 0) (void)co_await loop.sleep_until(loop.now() + 1ms);
    }
    (void)co_await loop.sleep_until(loop.now() + 60s);
    bridge->shutdown_write();
  });
  loop.run_until(loop.now() + 299s);
  EXPECT_TRUE(in_order);
  EXPECT_TRUE(whole);
  EXPECT_GT(heard, 10'000u);
  EXPECT_LT(heard, 100'000u);
  ASSERT_THAT(log.lines, SizeIs(1));
  EXPECT_THAT(log.lines[0], HasSubstr(std::to_string(heard) + " datagrams"));
  EXPECT_THAT(log.lines[0], HasSubstr("1 while connecting, " + std::to_string(100'000 - heard) +
                                      " for want of room, 0 that were "
                                      "not STUN, 0 cut off"));
}

}  // namespace
}  // namespace ptproxy
