#include "transports/ssh/tunnel.h"

#include "support/fake_processes.h"
#include "support/temporary_directory.h"
#include "transports/ssh/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptproxy::ssh {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* up = "(what ssh was told to say)";
constexpr const char* denied = "alice@ptproxy: Permission denied (publickey).";

class SshTunnelTest : public ::testing::Test {
 protected:
  SshTunnelTest() {
    house.services.processes = &processes;
    house.services.local = Storage(directory.path());
    login.server = Endpoint("192.0.2.7", 2222);
    login.user = "alice";
    login.fingerprint = test::ed25519_fingerprint;
    tunnel = std::make_shared<Tunnel>(house.services, wire, login, "socks-1", [this] { ++refusals; });
    house.loop.spawn([this] { return Tunnel::supervise(tunnel); });
  }
  ~SshTunnelTest() override { processes.on_start = nullptr; }
  /// Every ssh that is started says this, and those that are refused end.
  void each_says(const char* line) {
    processes.on_start = [line](ptproxy::test::FakeProgram& ssh) {
      if (line == std::string_view(up)) return ssh.say(word_of(ssh.command));
      ssh.say(line);
      ssh.end(255);
    };
  }
  /// What ssh is to say once it has logged in.
  static std::string word_of(const Command& command) {
    for (const std::string& word : command.arguments)
      if (word.starts_with("LocalCommand=echo '")) return word.substr(19, word.find('\'', 19) - 19);
    return "nothing";
  }
  /// What a connection to the Server App that is begun now comes to.
  std::shared_ptr<std::optional<Result<StreamPtr>>> connect() {
    auto outcome = std::make_shared<std::optional<Result<StreamPtr>>>();
    house.loop.spawn([this, outcome]() -> Awaitable<> {
      Endpoint app("127.0.0.1", 8080);
      *outcome = co_await tunnel->connect(std::move(app));
    });
    return outcome;
  }
  void at(std::chrono::seconds when) { house.loop.run_until(Clock::TimePoint(when)); }
  std::size_t attempts() const { return processes.started.size(); }

  ptproxy::test::TemporaryDirectory directory;
  ptproxy::test::TestHouse house;
  ptproxy::test::MemoryNetwork wire{house.loop.executor()};
  ptproxy::test::FakeProcesses processes{house.loop.executor()};
  Login login;
  std::shared_ptr<Tunnel> tunnel;
  int refusals = 0;
};

TEST_F(SshTunnelTest, GivesSshOurConnectionAndNothingOfTheUser) {
  at(0s);
  ASSERT_EQ(attempts(), 1u);
  const auto& command = processes.started[0]->command;
  EXPECT_EQ(wire.last_dialled(), login.server);
  EXPECT_EQ(command.program, "ssh");
  EXPECT_EQ(command.directory, directory.path());
  EXPECT_THAT(command.arguments, Contains("ProxyCommand=-"));
  EXPECT_THAT(command.arguments, Contains("BatchMode=yes"));
  EXPECT_THAT(command.arguments, Contains("StrictHostKeyChecking=yes"));
  EXPECT_THAT(command.arguments, Contains("VerifyHostKeyDNS=no"));
  EXPECT_THAT(command.arguments, Contains(HasSubstr(std::string("= ") + test::ed25519_fingerprint + " &&")));
  EXPECT_THAT(command.arguments, Not(Contains(HasSubstr("192.0.2.7")))) << "neither ps nor ssh's messages show it";
  EXPECT_EQ(command.arguments[0] + command.arguments[1], "-Fnone");
  EXPECT_EQ(command.arguments.back(), "ptproxy");
}

TEST_F(SshTunnelTest, CarriesStreamsThroughTheSocksProxyOfSsh) {
  each_says(up);
  std::string heard;
  auto stream = connect();
  house.loop.spawn([&]() -> Awaitable<> {
    auto ssh = co_await processes.network.accept();
    ByteQueue request;
    while (request.size() < 3) request.append((*co_await (*ssh)->read()).bytes());
    request.drop_front(3);
    const Bytes method{5, 0}, granted{5, 0, 0, 1, 0, 0, 0, 0, 0, 0, 'h', 'i'};
    Chunk first = house.chunk(as_text(method));
    (void)co_await (*ssh)->write(std::move(first));
    while (request.size() < 10) request.append((*co_await (*ssh)->read()).bytes());
    EXPECT_EQ(to_hex(request.view()), "050100017f0000011f90");
    Chunk second = house.chunk(as_text(granted));
    (void)co_await (*ssh)->write(std::move(second));
    (*ssh)->shutdown_write();
  });
  at(1s);
  ASSERT_TRUE(*stream);
  ASSERT_TRUE(**stream) << (*stream)->error().message();
  house.loop.spawn([&]() -> Awaitable<> { heard = co_await house.read_all(*stream->value().value()); });
  at(2s);
  EXPECT_EQ(heard, "hi") << "what the Server App said first";
  EXPECT_EQ(processes.dialled, directory.path() / "socks-1");
}

TEST_F(SshTunnelTest, TriesEveryTenSecondsForEverWhileTheKeyIsUnknown) {
  each_says(denied);
  at(0s);
  EXPECT_EQ(attempts(), 1u);
  at(9s);
  EXPECT_EQ(attempts(), 1u);
  at(10s);
  EXPECT_EQ(attempts(), 2u);
  at(10 * 24h);
  EXPECT_EQ(attempts(), 10u * 24 * 360 + 1);
  EXPECT_EQ(refusals, 10 * 24 * 360 + 1);
  EXPECT_FALSE(tunnel->ended());
}

TEST_F(SshTunnelTest, BelievesNothingThatWhoeverSitsOnTheWireCanSay) {
  std::string earlier;
  processes.on_start = [&earlier](ptproxy::test::FakeProgram& ssh) {
    EXPECT_NE(word_of(ssh.command), earlier) << "each attempt has a word of its own";
    for (const std::string& line : {std::string("Received disconnect from UNKNOWN port 65535:2: bye"), earlier,
                                    std::string("ptproxy: logged in"), std::string(denied)})
      ssh.say(line);
    earlier = word_of(ssh.command);
    ssh.end(255);
  };
  auto waiting = connect();
  at(1s);
  EXPECT_EQ((*waiting)->error(), Errc::handshake_failed);
  EXPECT_EQ(refusals, 0) << "no server has refused anything";
}

TEST_F(SshTunnelTest, RefusesAtOnceWhileTheKeyIsUnknown) {
  each_says(denied);
  auto waiting = connect();
  at(1s);
  EXPECT_EQ((*waiting)->error(), Errc::forbidden);
  auto late = connect();
  at(1s);
  EXPECT_EQ((*late)->error(), Errc::forbidden);
}

TEST_F(SshTunnelTest, TriesAtOnceWhenItHearsThatTheKeyIsKnown) {
  each_says(denied);
  at(3s);
  each_says(up);
  tunnel->try_now();
  at(3s);
  EXPECT_EQ(attempts(), 2u);
  auto stream = connect();
  at(4s);
  EXPECT_FALSE(*stream) << "on its way through ssh";
}

TEST_F(SshTunnelTest, NeverTriesAgainAtAnImpostor) {
  each_says("Host key verification failed.");
  auto stream = connect();
  at(1h);
  EXPECT_EQ((*stream)->error(), Errc::forbidden);
  EXPECT_TRUE(tunnel->ended());
  EXPECT_EQ(attempts(), 1u);
}

TEST_F(SshTunnelTest, StartsSshAgainWhenItWasKilled) {
  each_says(up);
  at(100s);
  ASSERT_EQ(attempts(), 1u);
  processes.started[0]->end(128 + 9);
  at(100s);
  auto stream = connect();
  at(101s);
  EXPECT_EQ(attempts(), 2u);
  EXPECT_FALSE(*stream) << "it was waited for";
}

TEST_F(SshTunnelTest, RestsLongerAfterEachFailure) {
  processes.missing = true;
  wire.refuse();
  std::vector<std::int64_t> times;
  int dialled = 0;
  for (auto second = 0s; second < 200s; ++second) {
    at(second);
    if (wire.dialled() != std::exchange(dialled, wire.dialled())) times.push_back(second.count());
  }
  EXPECT_THAT(times, ElementsAre(0, 1, 3, 7, 15, 31, 63, 123, 183));
}

TEST_F(SshTunnelTest, TellsWhyTheServerCannotBeReached) {
  wire.refuse();
  auto stream = connect();
  at(0s);
  EXPECT_EQ((*stream)->error(), asio::error::connection_refused);
}

TEST_F(SshTunnelTest, IsTriedSoonerWhenSomebodyWantsIt) {
  wire.refuse();
  at(40s);
  const auto before = wire.dialled();
  auto stream = connect();
  at(41s);
  EXPECT_EQ(wire.dialled(), before + 1);
  EXPECT_TRUE(*stream);
}

TEST_F(SshTunnelTest, GivesUpWhatCannotBeReachedAndNobodyWants) {
  wire.refuse();
  at(9min);
  EXPECT_FALSE(tunnel->ended());
  at(12min);
  EXPECT_TRUE(tunnel->ended());
}

TEST_F(SshTunnelTest, WaitsForASilentServerNoLongerThanTheLimit) {
  auto stream = connect();
  at(Tunnel::login_limit - 1s);
  EXPECT_FALSE(*stream);
  EXPECT_FALSE(processes.started[0]->killed);
  at(Tunnel::login_limit);
  EXPECT_EQ((*stream)->error(), asio::error::timed_out);
  EXPECT_TRUE(processes.started[0]->killed);
}

}  // namespace
}  // namespace ptproxy::ssh
