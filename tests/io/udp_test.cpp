// Real sockets on loopback, for a second at most.
#include "io/udp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/spawn.h"
#include "io/timing.h"

#include <boost/asio/io_context.hpp>

namespace ptproxy {
namespace {

using namespace std::chrono_literals;

class UdpTest : public ::testing::Test {
 protected:
  UdpTest() {
    auto opened = udp.listen(Endpoint("127.0.0.1", 0));
    EXPECT_TRUE(opened);
    listener = std::move(*opened);
  }
  /// Runs a conversation to its end.
  void run(Awaitable<> talk) {
    spawn(io.get_executor(), "test", std::move(talk));
    io.restart();
    io.run_for(5s);
    EXPECT_TRUE(io.stopped()) << "somebody still waits";
  }
  Awaitable<std::unique_ptr<DatagramSocket>> connected() {
    auto dialled = co_await udp.dial(listener->local());
    co_return std::move(*dialled);
  }
  static Awaitable<std::size_t> send(DatagramSocket& socket, Bytes datagram, DatagramPeer to = {}) {
    const std::vector<ByteView> batch{datagram};
    const auto sent = co_await socket.send(batch, to);
    co_return sent.packets;
  }

  // In this order: what dies last stands first.
  ChunkPool chunks;
  LiveSockets live;
  asio::io_context io{1};
  Loop loop{io.get_executor(), chunks, live};
  Udp udp{loop};
  std::unique_ptr<UdpSocket> listener;
};

TEST_F(UdpTest, CarriesEverySizeBothWays) {
  auto talk = [&]() -> Awaitable<> {
    auto socket = co_await connected();
    for (std::size_t size : {0u, 1u, 1400u, 9000u, 65507u}) {
      const Bytes datagram(size, static_cast<Byte>(size));
      EXPECT_EQ(co_await send(*socket, datagram), 1u);
      (void)co_await listener->wait();
      const auto asked = listener->receive();
      EXPECT_EQ(asked.size(), 1u);
      EXPECT_TRUE(std::ranges::equal(asked[0].bytes, datagram));
      const auto peer = asked[0].from;
      EXPECT_EQ(co_await send(*listener, datagram, peer), 1u);
      (void)co_await socket->wait();
      const auto answered = socket->receive();
      EXPECT_EQ(answered.size(), 1u);
      EXPECT_TRUE(std::ranges::equal(answered[0].bytes, datagram));
    }
  };
  run(talk());
}

TEST_F(UdpTest, ReceivesManyAtOnceAndTellsSendersApart) {
  auto talk = [&]() -> Awaitable<> {
    auto one = co_await connected();
    auto two = co_await connected();
    for (int i = 0; i < 10; ++i) {
      (void)co_await send(*one, Bytes(100, 1));
      (void)co_await send(*two, Bytes(100, 2));
    }
    (void)co_await listener->wait();
    const auto arrived = listener->receive();
    EXPECT_EQ(arrived.size(), 20u);
    for (const auto& datagram : arrived) EXPECT_EQ(datagram.from == arrived[0].from, datagram.bytes[0] == 1);
    EXPECT_TRUE(listener->receive().empty());
  };
  run(talk());
}

TEST_F(UdpTest, SaysWhatTheKernelRefusesAndSendsTheRest) {
  auto talk = [&]() -> Awaitable<> {
    auto socket = co_await connected();
    const Bytes good(10, 'g'), too_long(65508, 't');
    const std::vector<ByteView> batch{good, too_long, too_long, good};
    const auto sent = co_await socket->send(batch, {});
    EXPECT_EQ(sent.packets, 2u);
    EXPECT_EQ(sent.bytes, 20u);
  };
  run(talk());
}

TEST_F(UdpTest, OutlivesAPeerThatIsNotThere) {
  auto talk = [&]() -> Awaitable<> {
    auto socket = co_await connected();
    const auto at = listener->local();
    listener.reset();
    EXPECT_EQ(co_await send(*socket, Bytes(1)), 1u);  // answered by ICMP: port unreachable
    EXPECT_EQ(co_await send(*socket, Bytes(1)), 1u);
    (void)co_await socket->wait();
    EXPECT_TRUE(socket->receive().empty());
    auto back = udp.listen(at);
    listener = std::move(*back);
    EXPECT_EQ(co_await send(*socket, Bytes(1)), 1u);
    (void)co_await listener->wait();
    EXPECT_EQ(listener->receive().size(), 1u);
  };
  run(talk());
}

TEST_F(UdpTest, GivesWhatHasArrivedWhenItDrainsAndThenEnds) {
  error_code end;
  int heard = 0;
  auto hear = [&]() -> Awaitable<> {
    for (;;) {
      auto arrived = co_await listener->wait();
      if (!arrived) {
        end = arrived.error();
        co_return;
      }
      heard += static_cast<int>(listener->receive().size());
    }
  };
  auto talk = [&]() -> Awaitable<> {
    auto socket = co_await connected();
    for (int i = 0; i < 100; ++i) (void)co_await send(*socket, Bytes(10));
    live.drain([] {});
  };
  spawn(io.get_executor(), "test", hear());
  run(talk());
  EXPECT_EQ(heard, 100);
  EXPECT_EQ(end, asio::error::eof);
}

TEST_F(UdpTest, EndsAWaitWhenItIsClosed) {
  bool ended = false;
  auto hear = [&]() -> Awaitable<> { ended = !(co_await listener->wait()); };
  auto talk = [&]() -> Awaitable<> {
    listener->close();
    co_return;
  };
  spawn(io.get_executor(), "test", hear());
  run(talk());
  EXPECT_TRUE(ended);
}

TEST_F(UdpTest, RefusesAnAddressThatIsTaken) {
  EXPECT_FALSE(udp.listen(listener->local()));
}

/// A peer with two addresses, of which the listener has the second.
class UdpPeerWithTwoAddresses : public UdpTest {
 protected:
  using Address = asio::ip::udp::endpoint;
  static Address address_of(const UdpSocket& socket) {
    return {asio::ip::make_address(socket.local().host()), socket.local().port()};
  }
  Awaitable<> echo_once() {
    (void)co_await listener->wait();
    for (const auto& asked : listener->receive())
      (void)co_await send(*listener, Bytes(asked.bytes.begin(), asked.bytes.end()), asked.from);
  }
  /// As a flow does: waits all the time, whatever happens to what is sent.
  Awaitable<> hear_one(DatagramSocket& socket, bool& heard) {
    while (!heard) {
      auto woken = co_await socket.wait();
      if (!woken) co_return;
      heard = !socket.receive().empty();
    }
  }
  /// A socket that has had an answer from the second address.
  DatagramSocketPtr settled(const Address& first) {
    auto socket = udp.dial_one_of({first, address_of(*listener)}).value();
    bool heard = false;
    spawn(io.get_executor(), "echo", echo_once());
    spawn(io.get_executor(), "hear", hear_one(*socket, heard));
    auto talk = [&]() -> Awaitable<> {
      SystemClock clock(io.get_executor());
      for (int i = 0; i < 100 && !heard; ++i) {
        (void)co_await send(*socket, Bytes(10, 1));
        (void)co_await clock.sleep_until(clock.now() + 10ms);
      }
    };
    run(talk());
    EXPECT_TRUE(heard);
    return socket;
  }
  Address nobody() {
    auto gone = udp.listen(Endpoint("127.0.0.1", 0)).value();
    return address_of(*gone);
  }
};

TEST_F(UdpPeerWithTwoAddresses, IsFoundAtTheSecondWhenNobodyIsAtTheFirst) {
  const auto socket = settled(nobody());
  EXPECT_TRUE(socket);
}

TEST_F(UdpPeerWithTwoAddresses, IsNotLookedForElsewhereOnceItHasAnswered) {
  const auto first = nobody();
  const auto socket = settled(first);
  listener->close();
  const auto other = udp.listen(Endpoint("127.0.0.1", first.port())).value();
  auto talk = [&]() -> Awaitable<> {
    SystemClock clock(io.get_executor());
    for (int i = 0; i < 5; ++i) {
      (void)co_await send(*socket, Bytes(10, 1));
      (void)co_await clock.sleep_until(clock.now() + 10ms);
      EXPECT_TRUE(socket->receive().empty());
    }
  };
  run(talk());
  EXPECT_TRUE(other->receive().empty());
}

}  // namespace
}  // namespace ptproxy
