#include "app/signal_pipes.h"

#include "support/manual_loop.h"
#include "support/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

namespace ptproxy {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string hello = R"({"t":"hello"})";

std::string numbered(int i) {
  return R"({"t":"n","i":)" + std::to_string(i) + "}";
}

/// A client's pipes: it hears SMESSAGE.
class SignalPipesTest : public ::testing::Test {
 protected:
  SignalPipe::Say say = [this](const SignalLine& line) { said.push_back(line.to_string()); };
  SignalPipes by_lines() { return {SignalDirection::to_server, house.loop.executor(), house.loop, house.storage, say}; }
  SignalPipes by_files() {
    return {SignalDirection::to_server, house.loop.executor(), house.loop, house.storage, nullptr};
  }
  static std::string line(const std::string& transport, const std::string& payload,
                          SignalDirection direction = SignalDirection::to_client) {
    return SignalLine(direction, transport, payload).to_string() + "\n";
  }
  void listen(Signals& pipe) {
    house.loop.spawn([this, &pipe]() -> Awaitable<> {
      for (;;) {
        auto message = co_await pipe.receive();
        if (!message) co_return;
        heard.push_back(std::move(*message));
      }
    });
  }
  void at(std::chrono::seconds when) { house.loop.run_until(Clock::TimePoint(when)); }

  test::TemporaryDirectory directory;
  test::TestHouse house{directory.path()};
  std::vector<std::string> said, heard;
};

TEST_F(SignalPipesTest, SaysAMessageAsALine) {
  auto pipes = by_lines();
  ASSERT_TRUE(pipes.open("ssh").send(hello));
  EXPECT_THAT(said,
              ElementsAre("CMESSAGE ssh " + SignalLine(SignalDirection::to_server, "ssh", hello).id() + " " + hello));
}

TEST_F(SignalPipesTest, RefusesWhatIsNoMessage) {
  auto pipes = by_lines();
  auto& pipe = pipes.open("ssh");
  for (const std::string bad : {"", "hello", "{\"t\":\"two\nlines\"}", "{}"}) EXPECT_FALSE(pipe.send(bad)) << bad;
  EXPECT_THAT(said, IsEmpty());
}

TEST_F(SignalPipesTest, SaysTheSameOnlyOnceAMinute) {
  auto pipes = by_lines();
  auto& pipe = pipes.open("ssh");
  for (auto second : {0s, 1s, 59s}) {
    at(second);
    ASSERT_TRUE(pipe.send(hello));
  }
  EXPECT_THAT(said, SizeIs(1));
  ASSERT_TRUE(pipe.send(numbered(1)));
  EXPECT_THAT(said, SizeIs(2));
  at(60s);
  ASSERT_TRUE(pipe.send(hello));
  EXPECT_THAT(said, SizeIs(3));
}

TEST_F(SignalPipesTest, DeliversToTheTransportThatALineNames) {
  auto pipes = by_lines();
  auto& ssh = pipes.open("ssh");
  pipes.open("other");
  listen(ssh);
  pipes.hear(line("other", numbered(1)) + line("ssh", hello) + line("none", numbered(2)));
  at(0s);
  EXPECT_THAT(heard, ElementsAre(hello));
}

TEST_F(SignalPipesTest, TakesLinesInWhateverPieces) {
  std::string text = "\n";
  for (const auto& part : {line("ssh", numbered(1)), std::string("noise\r\n"), line("ssh", numbered(2))}) text += part;
  std::vector<std::unique_ptr<SignalPipes>> kept;  // somebody listens to each until the end
  for (std::size_t size = 1; size < 60; size += 7) {
    heard.clear();
    auto& pipes = *kept.emplace_back(new SignalPipes(by_lines()));
    listen(pipes.open("ssh"));
    for (std::size_t i = 0; i < text.size(); i += size) pipes.hear(std::string_view(text).substr(i, size));
    at(0s);
    EXPECT_THAT(heard, ElementsAre(numbered(1), numbered(2)));
  }
}

TEST_F(SignalPipesTest, DropsRepetitionsDamageAndWhatGoesTheOtherWay) {
  auto pipes = by_lines();
  listen(pipes.open("ssh"));
  auto damaged = line("ssh", numbered(1));
  damaged[damaged.size() - 3] = 'x';
  pipes.hear(line("ssh", hello) + line("ssh", hello) + damaged + line("ssh", numbered(2), SignalDirection::to_server) +
             line("ssh", hello));
  at(0s);
  EXPECT_THAT(heard, ElementsAre(hello));
}

TEST_F(SignalPipesTest, KeepsTheLatestUntilTheTransportAsks) {
  auto pipes = by_lines();
  auto& pipe = pipes.open("ssh");
  const int all = static_cast<int>(SignalPipe::most_waiting) + 5;
  for (int i = 0; i < all; ++i) pipes.hear(line("ssh", numbered(i)));
  listen(pipe);
  at(0s);
  ASSERT_THAT(heard, SizeIs(SignalPipe::most_waiting));
  EXPECT_EQ(heard.front(), numbered(5));
  EXPECT_EQ(heard.back(), numbered(all - 1));
}

TEST_F(SignalPipesTest, WritesToAnOutboxThatOnlyWeRead) {
  auto pipes = by_files();
  auto& pipe = pipes.open("ssh");
  ASSERT_TRUE(pipe.send(hello));
  ASSERT_TRUE(pipe.send(numbered(1)));
  EXPECT_EQ(house.storage.folder("ssh").read("outbox")->value(),
            line("ssh", hello, SignalDirection::to_server) + line("ssh", numbered(1), SignalDirection::to_server));
  for (const auto* name : {"ssh", "ssh/outbox"}) {
    struct stat there {};
    ASSERT_EQ(::stat((directory.path() / name).c_str(), &there), 0);
    EXPECT_EQ(there.st_mode & 077, 0u) << name;
  }
}

TEST_F(SignalPipesTest, ReadsAnInboxThatGrows) {
  auto pipes = by_files();
  listen(pipes.open("ssh"));
  const auto folder = house.storage.folder("ssh");
  at(10s);
  ASSERT_TRUE(folder.prepare());
  ASSERT_TRUE(folder.append("inbox", line("ssh", numbered(1)) + "some text\n"));
  at(12s);
  EXPECT_THAT(heard, ElementsAre(numbered(1)));
  const auto second = line("ssh", numbered(2));
  ASSERT_TRUE(folder.append("inbox", second.substr(0, 20)));
  at(14s);
  ASSERT_TRUE(folder.append("inbox", second.substr(20, second.size() - 21)));
  at(16s);
  EXPECT_THAT(heard, ElementsAre(numbered(1), numbered(2))) << "a last line needs no newline";
  ASSERT_TRUE(folder.append("inbox", "\n"));
  at(18s);
  EXPECT_THAT(heard, SizeIs(2));
  ASSERT_TRUE(folder.write("inbox", line("ssh", numbered(3))));
  at(20s);
  EXPECT_THAT(heard, ElementsAre(numbered(1), numbered(2), numbered(3))) << "and may be replaced";
  ASSERT_TRUE(folder.write("inbox", line("ssh", numbered(4))));
  at(22s);
  EXPECT_THAT(heard, SizeIs(4)) << "by one of the same length, too";
}

}  // namespace
}  // namespace ptproxy
