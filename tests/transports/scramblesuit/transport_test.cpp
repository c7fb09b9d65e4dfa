#include "support/conversation.h"
#include "support/temporary_directory.h"
#include "transports/scramblesuit/ticket_store.h"

#include <fstream>

namespace ptproxy::scramblesuit {
namespace {

using namespace std::chrono_literals;

/// Passes everything on and keeps the first word that goes out on each connection.
class SpyingDialer final : public Dialer {
 public:
  explicit SpyingDialer(Dialer& to) : to_(to) {}
  Awaitable<Result<StreamPtr>> dial(const Endpoint& bridge) override {
    auto stream = co_await to_.dial(bridge);
    if (!stream) co_return stream.error();
    co_return std::make_unique<Spy>(std::move(*stream), first_words);
  }
  std::vector<Bytes> first_words;

 private:
  class Spy final : public Stream {
   public:
    Spy(StreamPtr stream, std::vector<Bytes>& words) : stream_(std::move(stream)), words_(words) {}
    Awaitable<Result<Chunk>> read() override { return stream_->read(); }
    Awaitable<Result<>> write(Chunk bytes) override {
      const auto view = std::as_const(bytes).bytes();
      if (!std::exchange(said_, true)) words_.emplace_back(view.begin(), view.end());
      return stream_->write(std::move(bytes));
    }
    void shutdown_write() override { stream_->shutdown_write(); }
    void close() override { stream_->close(); }

   private:
    StreamPtr stream_;
    std::vector<Bytes>& words_;
    bool said_ = false;
  };
  Dialer& to_;
};

class ScrambleSuitTransportTest : public ::testing::Test, private test::TemporaryDirectory, protected test::TestHouse {
 protected:
  ScrambleSuitTransportTest() : TestHouse(test::TemporaryDirectory::path()) {
    log::set_sink([](log::Level, std::string_view) {});
  }
  const std::filesystem::path& folder() const { return test::TemporaryDirectory::path(); }

  /// One connection of fresh programs: what came back, and how.
  class Visit {
   public:
    std::string heard;
    error_code error;
    std::chrono::seconds took{0};
    std::vector<Bytes> hellos;
    int streams = 0;
  };
  Visit visit(Args args = {}) {
    Visit made;
    test::MemoryNetwork network(loop.executor());
    SpyingDialer spy(network);
    auto server = find_transport("scramblesuit")->make_server(services, {}).value();
    auto client = find_transport("scramblesuit")->make_client(services).value();
    if (args.empty()) args = server->client_args();
    const auto begin = loop.seconds();
    loop.spawn([&]() -> Awaitable<> {
      co_await server->serve(network, [&](StreamPtr stream) {
        ++made.streams;
        loop.spawn(echo(std::move(stream)));
      });
    });
    loop.spawn([&]() -> Awaitable<> {
      auto stream = co_await client->connect(bridge, args, spy);
      made.took = loop.seconds() - begin;
      if (stream) {
        (void)co_await (*stream)->write(chunk("hello"));
        (*stream)->shutdown_write();
        made.heard = co_await read_all(**stream);
      } else {
        made.error = stream.error();
      }
      network.close();
    });
    loop.run();
    made.hellos = spy.first_words;
    EXPECT_EQ(chunks.lent(), 0u);
    return made;
  }
  /// The ticket that the client would use next.
  std::optional<SealedTicket> kept_ticket() {
    const auto copy = text("scramblesuit_tickets.json");
    auto ticket = TicketStore::load(storage, loop.unix_seconds()).value().take(bridge, loop.unix_seconds());
    write("scramblesuit_tickets.json", copy);
    if (!ticket) return std::nullopt;
    return ticket->sealed;
  }
  static bool begins_with(const Bytes& hello, const std::optional<SealedTicket>& ticket) {
    return ticket && std::ranges::equal(ByteView(hello).first(ticket_size), *ticket);
  }
  std::string text(const char* name) { return storage.read(name).value().value_or("{}"); }
  void write(const char* name, const std::string& what) { EXPECT_TRUE(storage.write(name, what)); }
  /// The server forgets what it opens tickets with.
  void lose_ticket_keys() {
    auto state = text("scramblesuit_state.json");
    const auto at = state.find("hmac-key") + 11;
    state[at] = state[at] == '0' ? '1' : '0';
    write("scramblesuit_state.json", state);
  }
  Endpoint bridge{"192.0.2.1", 443};
};

TEST_F(ScrambleSuitTransportTest, ComesFirstByUniformDhThenByEachNewTicket) {
  const auto first = visit();
  EXPECT_EQ(first.heard, "hello");
  auto ticket = kept_ticket();
  ASSERT_TRUE(ticket);
  for (int i = 0; i < 3; ++i) {
    const auto next = visit();  // of restarted programs
    EXPECT_EQ(next.heard, "hello");
    EXPECT_EQ(next.took, 0s);
    ASSERT_EQ(next.hellos.size(), 1u);
    EXPECT_TRUE(begins_with(next.hellos[0], ticket));
    EXPECT_NE(kept_ticket(), ticket);
    ticket = kept_ticket();
  }
}

TEST_F(ScrambleSuitTransportTest, FallsBackAfterTenSecondsWhenItsTicketIsNotHonoured) {
  (void)visit();
  const auto ticket = kept_ticket();
  lose_ticket_keys();
  const auto next = visit();
  EXPECT_EQ(next.heard, "hello");
  EXPECT_EQ(next.took, 10s);
  ASSERT_EQ(next.hellos.size(), 2u);
  EXPECT_TRUE(begins_with(next.hellos[0], ticket));
  EXPECT_EQ(next.streams, 1);
  const auto third = visit();
  EXPECT_EQ(third.took, 0s);
  EXPECT_EQ(third.hellos.size(), 1u);
}

TEST_F(ScrambleSuitTransportTest, FallsBackOnceAndWithinItsMinute) {
  (void)visit();
  ASSERT_TRUE(kept_ticket());
  test::MemoryNetwork silent(loop.executor());
  auto client = find_transport("scramblesuit")->make_client(services).value();
  const auto begin = loop.seconds();
  error_code why;
  loop.spawn([&]() -> Awaitable<> {
    const auto args = Args().add("password", std::string(32, 'A'));
    auto stream = co_await client->connect(bridge, args, silent);
    why = stream.error();
  });
  loop.run();
  EXPECT_EQ(why, asio::error::timed_out);
  EXPECT_EQ(silent.dialled(), 2);
  EXPECT_EQ(loop.seconds() - begin, 60s);
  EXPECT_FALSE(kept_ticket());
}

TEST_F(ScrambleSuitTransportTest, AnExpiredTicketIsNotEvenTried) {
  (void)visit();
  const auto ticket = kept_ticket();
  loop.run_until(loop.now() + 7 * 24h);
  const auto next = visit();
  EXPECT_EQ(next.heard, "hello");
  EXPECT_EQ(next.took, 0s);
  ASSERT_EQ(next.hellos.size(), 1u);
  EXPECT_FALSE(begins_with(next.hellos[0], ticket));
}

TEST_F(ScrambleSuitTransportTest, ATicketOutlivesTheRotationOfItsKeys) {
  (void)visit();
  loop.run_until(loop.now() + 4 * 24h);
  (void)visit();
  const auto ticket = kept_ticket();
  loop.run_until(loop.now() + 4 * 24h);  // the keys are 8 days old now, the ticket 4
  const auto next = visit();
  EXPECT_TRUE(begins_with(next.hellos[0], ticket));
  EXPECT_EQ(next.heard, "hello");
  EXPECT_NE(text("scramblesuit_state.json").find("previous-ticket-keys"), std::string::npos);
}

TEST_F(ScrambleSuitTransportTest, AWrongPasswordGetsNobodyIn) {
  auto refused = visit(Args().add("password", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
  EXPECT_EQ(refused.streams, 0);
  // Whichever of the two gives up first: the client after 60 s, or this server, whose delay is its own.
  EXPECT_TRUE(refused.error == Errc::unfinished_handshake || refused.error == asio::error::timed_out) << refused.error;
  EXPECT_GE(refused.took, 30s);
  EXPECT_LE(refused.took, 60s);
}

TEST_F(ScrambleSuitTransportTest, DialsNobodyWithoutAPassword) {
  for (const Args& args : {Args().add("x", "y"), Args().add("password", ""), Args().add("password", "AAAA")}) {
    const auto refused = visit(args);
    EXPECT_EQ(refused.error, Errc::bad_arguments);
    EXPECT_TRUE(refused.hellos.empty());
  }
}

TEST_F(ScrambleSuitTransportTest, ABridgeThatRestsBetweenSegmentsSaysSo) {
  const auto& entry = *find_transport("scramblesuit");
  EXPECT_FALSE(entry.make_server(services, {}).value()->client_args().find("iat-mode"));
  EXPECT_EQ(entry.make_server(services, Args().add("iat-mode", "1")).value()->client_args().find("iat-mode"), "1");
  EXPECT_FALSE(entry.make_server(services, Args().add("iat-mode", "2")));
  const auto args = entry.make_server(services, Args().add("iat-mode", "1")).value()->client_args();
  EXPECT_EQ(visit(args).heard, "hello");
  EXPECT_EQ(visit(Args().add("password", std::string(*args.find("password"))).add("iat-mode", "2")).error,
            Errc::bad_arguments);
}

TEST_F(ScrambleSuitTransportTest, SilenceEndsWithoutAWord) {
  auto server = find_transport("scramblesuit")->make_server(services, {}).value();
  const auto ends = test::silence(*this, "scramblesuit", {}, server->client_args());
  EXPECT_EQ(ends.client, 60s);
  EXPECT_GE(ends.server, 30s);
  EXPECT_LT(ends.server, 90s);
  EXPECT_EQ(ends.server_said, "");
  EXPECT_EQ(chunks.lent(), 0u);
}

TEST_F(ScrambleSuitTransportTest, DoesNotStartOnFilesThatItCannotRead) {
  write("scramblesuit_tickets.json", "{");
  write("scramblesuit_state.json", "{");
  EXPECT_FALSE(find_transport("scramblesuit")->make_client(services));
  EXPECT_FALSE(find_transport("scramblesuit")->make_server(services, {}));
  EXPECT_FALSE(find_transport("scramblesuit")->make_server(services, Args().add("password", "short")));
}

}  // namespace
}  // namespace ptproxy::scramblesuit
