#include <ptproxy/log.h>

#include "io/run_handshake.h"
#include "support/manual_loop.h"
#include "transports/meek/position.h"
#include "transports/meek/session.h"
#include "transports/registry.h"
#include "wire/http1.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptproxy::meek {
namespace {

using namespace std::chrono_literals;

/// The client against a server that does what the test says.
class MeekClientTest : public ::testing::Test, protected test::TestHouse {
 protected:
  struct Heard {
    std::chrono::milliseconds at;
    HttpRequest request;
    std::string body() const { return std::string(as_text(request.body.view())); }
    std::string position() const { return std::string(request.fields.find(Position::field).value_or("-")); }
  };
  /// Answers the n-th request; no value breaks the connection.
  using Script = std::function<std::optional<HttpResponse>(std::size_t n, const HttpRequest&)>;

  static HttpResponse response(unsigned status = 200, std::string_view body = "", std::string_view position = "") {
    HttpResponse made(status);
    made.body.append(as_bytes(body));
    if (!position.empty()) made.fields.add(std::string(Position::field), std::string(position));
    return made;
  }

  void serve(Script script) {
    loop.spawn([this, script = std::move(script)]() -> Awaitable<> {
      for (;;) {
        auto wire = co_await network.accept();
        if (!wire) co_return;
        co_await converse(**wire, script);
      }
    });
  }
  Awaitable<> converse(Stream& wire, const Script& script) {
    HttpRequestReader reader(1 << 20);
    ByteQueue in;
    for (;;) {
      auto bytes = co_await wire.read();
      if (!bytes) co_return;
      in.append(std::as_const(*bytes).bytes());
      auto request = reader.take(in);
      if (!*request) continue;
      heard.push_back(
          {std::chrono::round<std::chrono::milliseconds>(loop.now().time_since_epoch()), std::move(**request)});
      auto answer = script(heard.size(), heard.back().request);
      if (!answer) co_return;
      if (delay.count() > 0) (void)co_await loop.sleep_until(loop.now() + delay);
      ByteQueue out;
      append_response(out, *answer);
      auto sent = co_await write_all(wire, chunks, out.view());
      if (!sent || !answer->keep_alive) co_return;
    }
  }

  void connect(Args args = Args().add("url", "http://192.0.2.9:81/x?y")) {
    loop.spawn([this, args]() -> Awaitable<> {
      auto connected = co_await client->connect(placeholder, args, network);
      if (!connected) {
        why = connected.error();
        co_return;
      }
      stream = std::move(*connected);
      for (;;) {
        auto chunk = co_await stream->read();
        if (!chunk) {
          ended = loop.now().time_since_epoch();
          why = chunk.error();
          co_return;
        }
        got += as_text(std::as_const(*chunk).bytes());
      }
    });
    run_for(0s);
  }
  void write(std::string text) {
    loop.spawn([this, text = std::move(text)]() -> Awaitable<> {
      auto sent = co_await write_all(*stream, chunks, as_bytes(text));
      written = static_cast<bool>(sent);
    });
  }
  void run_for(Clock::Duration time) { loop.run_until(loop.now() + time); }
  std::vector<long> times() const {
    std::vector<long> all;
    for (const auto& one : heard) all.push_back(one.at.count());
    return all;
  }
  std::vector<std::string> bodies() const {
    std::vector<std::string> all;
    for (const auto& one : heard) all.push_back(one.body());
    return all;
  }

  const TransportEntry& entry = *find_transport("meek_lite");
  std::unique_ptr<ClientTransport> client = entry.make_client(services).value();
  test::MemoryNetwork network{loop.executor()};
  Endpoint placeholder{"192.0.2.3", 1};
  std::vector<Heard> heard;
  StreamPtr stream;
  std::string got;
  error_code why;
  Clock::Duration ended{-1}, delay{0};
  bool written = false;
};

const auto silent = [](std::size_t, const HttpRequest&) { return std::optional<HttpResponse>(HttpResponse(200)); };

TEST_F(MeekClientTest, AsksOnTheSchedule) {
  serve(silent);
  connect();
  run_for(28s);
  EXPECT_EQ(times(), (std::vector<long>{100, 250, 475, 812, 1319, 2078, 3217, 4926, 7489, 11333, 16333, 21333, 26333}));
  EXPECT_EQ(network.dialled(), 1);
  EXPECT_EQ(network.last_dialled(), Endpoint("192.0.2.9", 81));
}

TEST_F(MeekClientTest, SaysWhatMeekServersExpect) {
  serve(silent);
  connect();
  run_for(1s);
  const auto& request = heard.at(0).request;
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/x?y");
  EXPECT_EQ(request.fields.find("host"), "192.0.2.9:81");
  EXPECT_EQ(request.fields.find("content-length"), "0");
  EXPECT_THAT(std::string(request.fields.find("x-session-id").value_or("")), ::testing::MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(heard.at(1).request.fields.find("x-session-id"), request.fields.find("x-session-id"));
}

TEST_F(MeekClientTest, SendsAtOnceWhatIsWritten) {
  serve(silent);
  connect();
  run_for(1s);
  heard.clear();
  const auto began = std::chrono::round<std::chrono::milliseconds>(loop.now().time_since_epoch()).count();
  write("now");
  run_for(240ms);
  EXPECT_EQ(bodies(), (std::vector<std::string>{"now", "", ""}));
  EXPECT_EQ(times(), (std::vector<long>{began, began, began + 100}));
}

TEST_F(MeekClientTest, AsksAtOnceAfterBytesHaveCome) {
  serve([](std::size_t n, const HttpRequest&) { return std::optional(response(200, n <= 3 ? "piece " : "")); });
  connect();
  run_for(240ms);
  EXPECT_EQ(got, "piece piece piece ");
  EXPECT_EQ(times(), (std::vector<long>{100, 100, 100, 100, 200}));
}

TEST_F(MeekClientTest, MergesWhatIsWrittenUpToABody) {
  serve(silent);
  delay = 50ms;
  connect();
  write("first");
  run_for(10ms);
  write(std::string(100000, 'a') + std::string(20000, 'b'));
  run_for(200ms);
  ASSERT_GE(heard.size(), 3u);
  EXPECT_EQ(heard[0].body(), "first");
  EXPECT_EQ(heard[1].body(), std::string(65536, 'a'));
  EXPECT_EQ(heard[2].body(), std::string(100000 - 65536, 'a') + std::string(20000, 'b'));
}

TEST_F(MeekClientTest, TakesNoMoreThanItCanKeep) {
  serve(silent);
  delay = 1h;
  connect();
  write(std::string(1 << 20, 'x'));
  run_for(1s);
  EXPECT_FALSE(written);
  EXPECT_LT(chunks.lent(), 4u);
}

TEST_F(MeekClientTest, WaitsForAnApplicationThatDoesNotRead) {
  serve([](std::size_t, const HttpRequest&) { return std::optional(response(200, std::string(65536, 'x'))); });
  loop.spawn([this]() -> Awaitable<> {
    const Args args = Args().add("url", "http://192.0.2.9:81/");
    stream = std::move(*co_await client->connect(placeholder, args, network));
  });
  run_for(1h);
  EXPECT_EQ(heard.size(), most_kept / most_body);
}

TEST_F(MeekClientTest, ABodyThatIsTooLongIsAnErrorAndNotALoss) {
  serve([](std::size_t, const HttpRequest&) { return std::optional(response(200, std::string(65537, 'x'))); });
  connect();
  run_for(1s);
  EXPECT_EQ(why, Errc::too_long);
  EXPECT_EQ(got, "");
}

TEST_F(MeekClientTest, ACompressedBodyIsAnError) {
  serve([](std::size_t, const HttpRequest&) {
    auto made = response(200, "x");
    made.fields.add("Content-Encoding", "gzip");
    return std::optional(std::move(made));
  });
  connect();
  run_for(1s);
  EXPECT_EQ(why, Errc::bad_message);
}

TEST_F(MeekClientTest, ASilentServerIsGivenUp) {
  loop.spawn([this]() -> Awaitable<> {
    auto wire = co_await network.accept();
    while (co_await (*wire)->read()) {
    }
    auto again = co_await network.accept();
    while (co_await (*again)->read()) {
    }
  });
  connect();
  run_for(10min);
  EXPECT_EQ(why, asio::error::timed_out);
  EXPECT_LT(ended, 3min);
}

TEST_F(MeekClientTest, MakesANewConnectionWhenTheServerWantsOneEach) {
  serve([](std::size_t, const HttpRequest&) {
    auto made = response();
    made.keep_alive = false;
    return std::optional(std::move(made));
  });
  connect();
  run_for(1s);
  EXPECT_EQ(network.dialled(), 4);
  EXPECT_EQ(heard.size(), 4u);
}

// Servers that keep no positions.

TEST_F(MeekClientTest, ToldOnceThatPositionsAreNotKeptItStopsTellingThem) {
  serve(silent);
  connect();
  run_for(1s);
  EXPECT_EQ(heard.at(0).position(), "0 0");
  EXPECT_EQ(heard.at(1).position(), "-");
}

TEST_F(MeekClientTest, ALostAnswerOfAnOtherServerEndsTheSession) {
  serve([](std::size_t n, const HttpRequest&) { return n == 2 ? std::nullopt : std::optional(response()); });
  connect();
  run_for(10s);
  EXPECT_EQ(heard.size(), 2u);
  EXPECT_EQ(why, asio::error::connection_reset);
}

TEST_F(MeekClientTest, ALostFirstAnswerIsAskedForWithoutABody) {
  serve([](std::size_t n, const HttpRequest&) { return n == 1 ? std::nullopt : std::optional(response(200, "late")); });
  connect();
  write("precious");
  run_for(10s);
  EXPECT_EQ(bodies(), (std::vector<std::string>{"precious", ""}));
  EXPECT_EQ(why, asio::error::connection_reset) << "nobody knows what became of it";
  EXPECT_EQ(got, "");
}

TEST_F(MeekClientTest, ABusyServerIsAskedAgainTenTimes) {
  serve([](std::size_t, const HttpRequest&) { return std::optional(response(503)); });
  connect();
  write("again");
  run_for(10min);
  EXPECT_EQ(heard.size(), 11u);
  for (std::size_t i = 0; i < heard.size(); ++i) {
    EXPECT_EQ(heard[i].at, i * 30s);
    EXPECT_EQ(heard[i].body(), "again");
  }
  EXPECT_EQ(why, asio::error::connection_reset);
}

TEST_F(MeekClientTest, OtherRefusalsEndTheSession) {
  unsigned status = 0;
  serve([&status](std::size_t, const HttpRequest&) { return std::optional(response(status)); });
  for (const unsigned each : {400, 403, 404, 410, 500}) {
    status = each;
    heard.clear();
    why = {};
    connect();
    run_for(10s);
    EXPECT_EQ(heard.size(), 1u) << status;
    EXPECT_EQ(why, asio::error::connection_reset) << status;
  }
}

TEST_F(MeekClientTest, AnOtherServerIsLeftSomeTimeAfterTheApplicationHasEnded) {
  serve([](std::size_t n, const HttpRequest&) { return std::optional(response(200, n == 3 ? "still" : "")); });
  connect();
  run_for(300ms);
  stream->shutdown_write();
  run_for(10min);
  EXPECT_EQ(got, "still");
  EXPECT_EQ(why, asio::error::eof);
  EXPECT_GE(ended, 15s);
  EXPECT_LT(ended, 25s);
  EXPECT_LT(heard.back().at, 25s);
}

TEST_F(MeekClientTest, ClosingEndsIt) {
  serve(silent);
  connect();
  run_for(1s);
  stream->close();
  const auto before = heard.size();
  run_for(10min);
  EXPECT_EQ(heard.size(), before);
  EXPECT_EQ(why, asio::error::operation_aborted);
  EXPECT_EQ(chunks.lent(), 0u);
}

// Servers that keep positions.

TEST_F(MeekClientTest, SendsAgainWhatALostRequestMayNotHaveBrought) {
  // A server with "abcd" to say, two bytes at a time. Some requests are lost on their way, of some only the answer.
  std::string taken;
  serve([&taken](std::size_t n, const HttpRequest& request) -> std::optional<HttpResponse> {
    if (n % 4 == 2) return std::nullopt;
    const auto theirs = parse_position(*request.fields.find(Position::field)).value();
    EXPECT_LE(theirs.sent, taken.size());
    taken.resize(theirs.sent);
    taken += as_text(request.body.view());
    if (n % 4 == 3) return std::nullopt;
    return response(200, std::string("abcd").substr(theirs.received, 2),
                    to_string(Position(theirs.received, taken.size())));
  });
  connect();
  for (const auto* text : {"one ", "two ", "three ", "four ", "five ", "six"}) {
    write(text);
    run_for(1s);
  }
  EXPECT_EQ(taken, "one two three four five six");
  EXPECT_EQ(got, "abcd");
  EXPECT_FALSE(why);
}

TEST_F(MeekClientTest, GoesOnForAWhileWhenTheWayIsBroken) {
  serve([](std::size_t n, const HttpRequest&) {
    return n == 1 ? std::optional(response(200, "", "0 0")) : std::nullopt;
  });
  connect();
  run_for(10min);
  EXPECT_TRUE(why);
  EXPECT_GE(ended, 90s);
  EXPECT_LT(ended, 101s);
}

TEST_F(MeekClientTest, PassesOverWhatSomebodyElseSaysInTheServersStead) {
  serve([](std::size_t n, const HttpRequest&) {
    if (n == 2) return std::optional(response(200, "please log in"));
    if (n == 3) return std::optional(response(502));
    return std::optional(response(200, n == 4 ? "real" : "", n <= 4 ? "0 0" : "4 0"));
  });
  connect();
  run_for(5s);
  EXPECT_EQ(got, "real");
  EXPECT_FALSE(why);
}

TEST_F(MeekClientTest, PositionsThatCannotBeEndTheSession) {
  std::string impossible;
  serve([&impossible](std::size_t, const HttpRequest&) { return std::optional(response(200, "", impossible)); });
  for (const auto* each : {"1 0", "0 1", "x"}) {
    impossible = each;
    why = {};
    connect();
    run_for(1s);
    EXPECT_EQ(why, Errc::bad_message) << impossible;
  }
}

TEST_F(MeekClientTest, AForgottenSessionIsOver) {
  serve([](std::size_t n, const HttpRequest&) {
    return std::optional(n == 1 ? response(200, "", "0 0") : response(410));
  });
  connect();
  run_for(10s);
  EXPECT_EQ(heard.size(), 2u);
  EXPECT_EQ(why, asio::error::connection_reset);
}

TEST_F(MeekClientTest, TellsAndHearsTheEnd) {
  serve([](std::size_t n, const HttpRequest&) {
    return std::optional(response(200, n == 1 ? "bye" : "", n == 1 ? "0 4 end" : "3 4 end"));
  });
  connect();
  write("last");
  loop.spawn([this]() -> Awaitable<> {
    stream->shutdown_write();
    co_return;
  });
  run_for(10min);
  EXPECT_EQ(heard.at(0).position(), "0 0 end");
  EXPECT_EQ(heard.at(0).body(), "last");
  EXPECT_EQ(heard.size(), 1u);
  EXPECT_EQ(got, "bye");
  EXPECT_EQ(why, asio::error::eof);
}

TEST_F(MeekClientTest, DeliversWhatWasWrittenBeforeItIsClosed) {
  serve([](std::size_t n, const HttpRequest&) -> std::optional<HttpResponse> {
    if (n == 1) return response(200, "", "0 0");
    if (n == 2) return std::nullopt;
    return response(200, "", "0 4");
  });
  connect();
  run_for(150ms);
  write("last");
  loop.spawn([this]() -> Awaitable<> {
    stream->shutdown_write();
    stream->close();
    co_return;
  });
  run_for(10min);
  EXPECT_EQ(heard.back().body(), "last");
  EXPECT_EQ(heard.back().position(), "0 0 end");
  EXPECT_EQ(heard.size(), 3u);
}

TEST_F(MeekClientTest, AsksForNothingWhileTheApplicationTakesNothing) {
  std::uint64_t sent = 0;
  serve([&sent](std::size_t, const HttpRequest& request) {
    const auto theirs = parse_position(*request.fields.find(Position::field)).value();
    const bool full = !theirs.hold;
    const Position ours(theirs.received, theirs.sent + request.body.size());
    sent = theirs.received;
    return std::optional(response(200, full ? std::string(65536, 'x') : "", to_string(ours)));
  });
  loop.spawn([this]() -> Awaitable<> {
    const Args args = Args().add("url", "http://192.0.2.9:81/");
    stream = std::move(*co_await client->connect(placeholder, args, network));
  });
  run_for(1s);
  EXPECT_EQ(heard.size(), most_kept / most_body);
  write("up");
  run_for(1s);
  EXPECT_EQ(heard.back().body(), "up");
  EXPECT_EQ(heard.back().position(), "0 " + std::to_string(most_kept) + " hold");
  const auto before = heard.size();
  run_for(5min);
  EXPECT_EQ(heard.size(), before + 10) << "once in 30 s, that the server does not forget us";
  EXPECT_EQ(sent, most_kept);
}

// Before a session.

TEST_F(MeekClientTest, BadArgumentsAreFoundBeforeAnythingIsDialled) {
  for (const Args& bad : {Args(), Args().add("url", "ftp://a/"), Args().add("url", "http://a/").add("front", "b:0")}) {
    why = {};
    connect(bad);
    EXPECT_EQ(why, Errc::bad_arguments);
  }
  EXPECT_EQ(network.dialled(), 0);
}

TEST_F(MeekClientTest, AServerThatCannotBeReachedIsTold) {
  network.refuse();
  connect();
  EXPECT_EQ(why, asio::error::connection_refused);
}

TEST_F(MeekClientTest, ATlsServerThatSaysNothingIsGivenUp) {
  connect(Args().add("url", "https://meek.test/"));
  run_for(59s);
  EXPECT_FALSE(why);
  run_for(2s);
  EXPECT_EQ(why, asio::error::timed_out);
}

TEST_F(MeekClientTest, WarnsOnceThatNoBrowserIsImitated) {
  int warnings = 0;
  log::set_sink(
      [&warnings](log::Level, std::string_view text) { warnings += text.find("utls") != std::string_view::npos; });
  const Args imitating = Args().add("url", "http://192.0.2.9/").add("utls", "HelloChrome_Auto");
  connect(Args().add("url", "http://192.0.2.9/").add("utls", "none"));
  EXPECT_EQ(warnings, 0);
  connect(imitating);
  connect(imitating);
  EXPECT_EQ(warnings, 1);
  log::set_sink([](log::Level, std::string_view) {});
}

}  // namespace
}  // namespace ptproxy::meek
