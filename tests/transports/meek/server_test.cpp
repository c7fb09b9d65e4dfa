#include "transports/meek/server.h"

#include "io/run_handshake.h"
#include "support/manual_loop.h"
#include "support/temporary_directory.h"
#include "transports/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace ptproxy::meek {
namespace {

using namespace std::chrono_literals;

/// The server, asked by raw requests. Each stream goes to `on_stream`.
class MeekServerTest : public ::testing::Test, protected test::TestHouse {
 protected:
  void start(const Args& options = {}) {
    server = find_transport("meek")->make_server(services, options).value();
    loop.spawn([this]() -> Awaitable<> {
      co_await server->serve(network, [this](StreamPtr stream) {
        ++streams;
        peer = stream->peer();
        on_stream(std::move(stream));
      });
    });
  }
  static HttpRequest post(std::string_view body = "", std::string_view position = "", std::string id = "12345678") {
    HttpRequest request("POST", "/");
    request.fields.add("X-Session-Id", std::move(id));
    if (!position.empty()) request.fields.add(std::string(Position::field), std::string(position));
    request.body.append(as_bytes(body));
    return request;
  }
  /// `STATUS POSITION BODY` of the answer to a request on a connection of its own, or `broken`.
  Awaitable<std::string> exchange(HttpRequest request) {
    const Endpoint here("127.0.0.1", 1);
    auto wire = co_await network.dial(here);
    ByteQueue out, in;
    append_request(out, request);
    (void)co_await write_all(**wire, chunks, out.view());
    HttpResponseReader reader(1 << 20);
    for (;;) {
      auto bytes = co_await (*wire)->read();
      if (!bytes) co_return "broken";
      in.append(std::as_const(*bytes).bytes());
      auto response = reader.take(in);
      if (!*response) continue;
      last = std::move(**response);
      std::string line = std::to_string(last.status);
      if (const auto position = last.fields.find(Position::field)) line += " (" + std::string(*position) + ")";
      if (!last.body.empty() && last.status == 200) line += " " + std::string(as_text(last.body.view()));
      co_return line;
    }
  }
  std::string ask(HttpRequest request, Clock::Duration limit = 5s) {
    auto answer = std::make_shared<std::string>("nothing yet");
    loop.spawn([this, answer, request = std::move(request)]() -> Awaitable<> {
      HttpRequest mine = request;
      *answer = co_await exchange(std::move(mine));
    });
    loop.run_until(loop.now() + limit);
    return *answer;
  }
  void pass(Clock::Duration time) { loop.run_until(loop.now() + time); }
  void say(std::string text) {
    loop.spawn(
        [this, text = std::move(text)]() -> Awaitable<> { (void)co_await write_all(*stream, chunks, as_bytes(text)); });
    pass(0s);
  }
  /// Keeps the stream; what it reads goes to `got`.
  void keep() {
    on_stream = [this](StreamPtr opened) {
      stream = std::move(opened);
      loop.spawn([this]() -> Awaitable<> {
        for (;;) {
          auto chunk = co_await stream->read();
          if (!chunk) {
            why = chunk.error();
            co_return;
          }
          got += as_text(std::as_const(*chunk).bytes());
        }
      });
    };
  }

  test::MemoryNetwork network{loop.executor()};
  std::unique_ptr<ServerTransport> server;
  ServerTransport::OnStream on_stream = [this](StreamPtr opened) { loop.spawn(echo(std::move(opened))); };
  StreamPtr stream;
  std::optional<Endpoint> peer;
  HttpResponse last;
  std::string got;
  error_code why;
  int streams = 0;
};

TEST_F(MeekServerTest, TellsSessionsApart) {
  start();
  EXPECT_EQ(ask(post("one", "", "session-1")), "200 one");
  EXPECT_EQ(ask(post("two", "", "session-2")), "200 two");
  EXPECT_EQ(ask(post("three", "", "session-1")), "200 three");
  EXPECT_EQ(streams, 2);
  EXPECT_EQ(last.fields.find("content-type"), "application/octet-stream");
  EXPECT_EQ(last.fields.find("cache-control"), "no-store");
  EXPECT_THAT(std::string(last.fields.find("date").value_or("")),
              ::testing::MatchesRegex("..., .. ... 20.. ..:..:.. GMT"));
}

TEST_F(MeekServerTest, WaitsALittleForAnAnswer) {
  keep();
  start();
  const auto began = loop.now();
  auto done = std::make_shared<Clock::TimePoint>();
  loop.spawn([this, done]() -> Awaitable<> {
    (void)co_await exchange(post());
    *done = loop.now();
  });
  pass(1s);
  EXPECT_EQ(*done - began, 10ms);
}

TEST_F(MeekServerTest, WaitsAsLongAsItIsTold) {
  keep();
  start(Args().add("turnaround", "3000"));
  auto answer = std::make_shared<std::string>();
  loop.spawn([this, answer]() -> Awaitable<> { *answer = co_await exchange(post()); });
  pass(2999ms);
  EXPECT_EQ(*answer, "");
  pass(1ms);
  EXPECT_EQ(*answer, "200");
  loop.spawn([this, answer]() -> Awaitable<> { *answer = co_await exchange(post()); });
  pass(1s);
  say("at once");
  EXPECT_EQ(*answer, "200 at once");
}

TEST_F(MeekServerTest, AnswersInBodiesOfALimitedSize) {
  keep();
  start();
  (void)ask(post());
  say(std::string(150000, 'x'));
  EXPECT_EQ(ask(post()), "200 " + std::string(65536, 'x'));
  EXPECT_EQ(ask(post()), "200 " + std::string(65536, 'x'));
  EXPECT_EQ(ask(post()), "200 " + std::string(150000 - 2 * 65536, 'x'));
}

TEST_F(MeekServerTest, ForgetsASessionThatNobodyAsksFor) {
  keep();
  start();
  EXPECT_EQ(ask(post("x")), "200");
  pass(115s);
  EXPECT_EQ(ask(post("y")), "200");
  EXPECT_FALSE(why);
  pass(185s);
  EXPECT_EQ(why, asio::error::connection_reset);
  EXPECT_EQ(got, "xy");
  EXPECT_EQ(ask(post("z")), "broken") << "and does not take its name for a new one in mid-flow";
  EXPECT_EQ(streams, 1);
  pass(4min);
  EXPECT_EQ(ask(post("z")), "200");
  EXPECT_EQ(streams, 2);
}

TEST_F(MeekServerTest, AnswersTheEndByBreakingOff) {
  keep();
  start();
  EXPECT_EQ(ask(post()), "200");
  say("bye");
  stream->shutdown_write();
  stream->close();
  EXPECT_EQ(ask(post()), "200 bye");
  EXPECT_EQ(ask(post()), "broken");
  EXPECT_EQ(ask(post()), "broken");
}

TEST_F(MeekServerTest, BehindAReverseProxyTheEndIsAStatus) {
  keep();
  start(Args().add("trust-forwarded-for", "1"));
  EXPECT_EQ(ask(post()), "200");
  stream->close();
  EXPECT_EQ(ask(post()), "404");
}

TEST_F(MeekServerTest, AServerAppThatCannotBeReachedIsTold) {
  on_stream = [](StreamPtr) {};
  start();
  EXPECT_EQ(ask(post("x")), "500");
  EXPECT_EQ(ask(post("x", "0 0", "87654321")), "410");
  on_stream = [this](StreamPtr opened) { loop.spawn(echo(std::move(opened))); };
  EXPECT_EQ(ask(post("x")), "200 x") << "and may be there later";
}

TEST_F(MeekServerTest, ALostAnswerEndsASessionThatCannotRepeatIt) {
  keep();
  start();
  EXPECT_EQ(ask(post()), "200");
  say("precious");
  loop.spawn([this]() -> Awaitable<> {
    const Endpoint here("127.0.0.1", 1);
    auto wire = co_await network.dial(here);
    ByteQueue out;
    append_request(out, post("question"));
    (void)co_await write_all(**wire, chunks, out.view());
    (*wire)->close();
  });
  pass(1s);
  EXPECT_EQ(why, asio::error::connection_reset);
  EXPECT_EQ(ask(post()), "broken");
}

TEST_F(MeekServerTest, ARequestThatComesAgainChangesNothing) {
  start();
  EXPECT_EQ(ask(post("one", "0 0")), "200 (0 3) one");
  EXPECT_EQ(ask(post("one", "0 0")), "200 (0 3) one");
  EXPECT_EQ(ask(post("", "0 0")), "200 (0 3) one") << "asked without a body what it has";
  EXPECT_EQ(ask(post("onetwo", "0 3")), "200 (3 6) two");
  EXPECT_EQ(ask(post("", "6 6")), "200 (6 6)");
  EXPECT_EQ(streams, 1);
}

TEST_F(MeekServerTest, TellsTheEndBothWays) {
  keep();
  start();
  EXPECT_EQ(ask(post("last", "0 0 end")), "200 (0 4)");
  EXPECT_EQ(got, "last");
  EXPECT_EQ(why, asio::error::eof);
  say("answer");
  stream->shutdown_write();
  stream->close();
  EXPECT_EQ(ask(post("", "4 0 end")), "200 (0 4 end) answer");
  EXPECT_EQ(ask(post("", "4 0 end")), "200 (0 4 end) answer");
  EXPECT_EQ(ask(post("", "4 6 end")), "200 (6 4 end)");
}

TEST_F(MeekServerTest, SendsNothingToWhoHasNoRoom) {
  keep();
  start();
  EXPECT_EQ(ask(post("", "0 0")), "200 (0 0)");
  say("later");
  EXPECT_EQ(ask(post("x", "0 0 hold")), "200 (0 1)");
  EXPECT_EQ(ask(post("", "1 0")), "200 (0 1) later");
}

TEST_F(MeekServerTest, AnUnknownSessionIsNotBegunInTheMiddle) {
  start();
  EXPECT_EQ(ask(post("x", "5 0")), "410");
  EXPECT_EQ(ask(post("x", "0 5")), "410");
  EXPECT_EQ(streams, 0);
  EXPECT_EQ(ask(post("x", "0 0")), "200 (0 1) x");
  EXPECT_EQ(ask(post("x", "2 0")), "410") << "a gap";
  EXPECT_EQ(ask(post("x", "1 1")), "410") << "and then it is over";
}

TEST_F(MeekServerTest, OneRequestWaitsForTheOther) {
  keep();
  start(Args().add("turnaround", "5000"));
  auto first = std::make_shared<std::string>(), second = std::make_shared<std::string>(),
       third = std::make_shared<std::string>();
  for (const auto& answer : {first, second, third})
    loop.spawn([this, answer]() -> Awaitable<> { *answer = co_await exchange(post("", "0 0")); });
  pass(4s);
  EXPECT_EQ(*first + *second, "");
  EXPECT_EQ(*third, "503") << "one may wait";
  pass(2s);
  EXPECT_EQ(*first, "200 (0 0)");
  EXPECT_EQ(*second, "");
  pass(5s);
  EXPECT_EQ(*second, "200 (0 0)");
}

TEST_F(MeekServerTest, AServerAppThatReadsNothingHoldsTheClientUp) {
  on_stream = [this](StreamPtr opened) { stream = std::move(opened); };
  start();
  const std::string body(65536, 'x');
  std::size_t sent = 0;
  for (; sent < most_kept; sent += body.size())
    EXPECT_EQ(ask(post(body, std::to_string(sent) + " 0"), 100ms), "200 (0 " + std::to_string(sent + 65536) + ")");
  EXPECT_EQ(ask(post(body, std::to_string(sent) + " 0"), 19s), "nothing yet");
  pass(2s);
  EXPECT_EQ(ask(post(body, std::to_string(sent) + " 0"), 21s), "200 (0 " + std::to_string(sent) + ")")
      << "not taken, to be sent again";
  EXPECT_EQ(ask(post(body), 21s), "broken") << "who cannot be told that is cut off";
}

TEST_F(MeekServerTest, BelievesTheReverseProxyOnlyWhenToldTo) {
  auto request = post("", "", "trusting-1");
  request.fields.add("X-Forwarded-For", " 203.0.113.5 , 192.0.2.1");
  start(Args().add("trust-forwarded-for", "1"));
  (void)ask(request);
  EXPECT_EQ(peer, Endpoint("203.0.113.5", 1));
  auto another = post("", "", "trusting-2");
  another.fields.add("Meek-IP", "2001:db8::5").add("X-Forwarded-For", "203.0.113.5");
  (void)ask(another);
  EXPECT_EQ(peer, Endpoint("2001:db8::5", 1));
  auto forged = post("", "", "trusting-3");
  forged.fields.add("X-Forwarded-For", "somebody");
  (void)ask(forged);
  EXPECT_EQ(peer, std::nullopt);
}

TEST_F(MeekServerTest, BelievesNoOtherFieldThanTheOneThatTheReverseProxyWrites) {
  start(Args().add("trust-forwarded-for", "x-forwarded-for"));
  auto request = post("", "", "trusting-4");
  request.fields.add("Meek-IP", "127.0.0.1").add("X-Forwarded-For", "203.0.113.5");
  (void)ask(request);
  EXPECT_EQ(peer, Endpoint("203.0.113.5", 1));
}

TEST_F(MeekServerTest, BelievesNobodyByDefault) {
  start();
  auto request = post();
  request.fields.add("X-Forwarded-For", "203.0.113.5").add("Meek-IP", "203.0.113.5");
  (void)ask(request);
  EXPECT_EQ(streams, 1);
  EXPECT_EQ(peer, std::nullopt);
}

TEST_F(MeekServerTest, HasRoomForSoManySessions) {
  start(Args().add("max-sessions", "2"));
  EXPECT_EQ(ask(post("x", "", "session-1")), "200 x");
  EXPECT_EQ(ask(post("x", "", "session-2")), "200 x");
  EXPECT_EQ(ask(post("x", "", "session-3")), "503");
  EXPECT_EQ(ask(post("y", "", "session-1")), "200 y");
  EXPECT_EQ(streams, 2);
}

TEST_F(MeekServerTest, ASlowRequestIsBrokenOff) {
  start();
  auto ended = std::make_shared<Clock::TimePoint>();
  for (const std::string words : {"", "POST / HTTP/1.1\r\nX-Session-Id: 12345678\r\nContent-Length: 9\r\n\r\n1234"}) {
    const auto began = loop.now();
    loop.spawn([this, ended, words]() -> Awaitable<> {
      const Endpoint here("127.0.0.1", 1);
      auto wire = co_await network.dial(here);
      if (!words.empty()) (void)co_await (*wire)->write(chunk(words));
      (void)co_await read_all(**wire);
      *ended = loop.now();
    });
    pass(1min);
    EXPECT_EQ(*ended - began, 20s);
  }
  EXPECT_EQ(streams, 0);
  EXPECT_EQ(chunks.lent(), 0u);
}

TEST_F(MeekServerTest, AnswersInTheOrderOfPipelinedRequests) {
  start();
  auto heard = std::make_shared<std::string>();
  loop.spawn([this, heard]() -> Awaitable<> {
    const Endpoint here("127.0.0.1", 1);
    auto wire = co_await network.dial(here);
    (void)co_await (*wire)->write(
        chunk("GET / HTTP/1.1\r\n\r\nGET /x HTTP/1.1\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n"));
    (*wire)->shutdown_write();
    *heard = co_await read_all(**wire);
  });
  pass(1min);
  EXPECT_THAT(*heard,
              ::testing::MatchesRegex(
                  "HTTP/1.1 200 OK\r\n(.|\r|\n)*works!\nHTTP/1.1 404 Not Found\r\n(.|\r|\n)*close\r\n\r\nNot found\n"));
}

TEST_F(MeekServerTest, OptionsThatWillNotDoAreRefused) {
  test::TemporaryDirectory folder;
  const auto file = (folder.path() / "file").string();
  std::ofstream(file) << "no PEM";
  for (const Args& bad : {Args().add("cert", file), Args().add("key", file), Args().add("cert", file).add("key", file),
                          Args().add("cert", "/nonexistent").add("key", file), Args().add("trust-forwarded-for", "yes"),
                          Args().add("turnaround", "5001"), Args().add("turnaround", "x"),
                          Args().add("max-sessions", "0"), Args().add("path", "no-slash"), Args().add("path", "/a?b")})
    EXPECT_FALSE(find_transport("meek")->make_server(services, bad));
  EXPECT_FALSE(find_transport("meek_lite")->make_server(services, Args()));
}

}  // namespace
}  // namespace ptproxy::meek
