#include "transports/ssh/server.h"

#include "support/fake_processes.h"
#include "support/temporary_directory.h"
#include "transports/ssh/keys.h"
#include "transports/ssh/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

namespace ptproxy::ssh {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr const char* accepted =
    "Accepted publickey for alice from UNKNOWN port 65535 ssh2: ED25519 "
    "SHA256:e2hhNmh3BvVpWn0Wb8c3fJtKxFv0yJwzRk6mCqIuXhQ";

/// Signals that the test sends and hears.
class MemorySignals final : public Signals {
 public:
  explicit MemorySignals(Executor executor) : filled_(executor) {}
  Checked<> send(std::string_view payload) override {
    sent.emplace_back(payload);
    return {};
  }
  Awaitable<Result<std::string>> receive() override {
    while (waiting_.empty()) {
      auto rung = co_await filled_.wait();
      if (!rung) co_return rung.error();
    }
    std::string payload = std::move(waiting_.front());
    waiting_.pop_front();
    co_return Result<std::string>(boost::system::in_place_value, std::move(payload));
  }
  void deliver(std::string payload) {
    waiting_.push_back(std::move(payload));
    filled_.ring();
  }
  std::vector<std::string> sent;

 private:
  std::deque<std::string> waiting_;
  Bell filled_;
};

/// A network whose clients have an address.
class AddressedNetwork final : public Listener {
 public:
  explicit AddressedNetwork(Listener& network) : network_(network) {}
  Awaitable<Result<StreamPtr>> accept() override {
    auto stream = co_await network_.accept();
    if (!stream) co_return stream.error();
    co_return std::make_unique<Addressed>(std::move(*stream), client);
  }
  Endpoint client{"192.0.2.1", 1};

 private:
  class Addressed final : public Stream {
   public:
    Addressed(StreamPtr stream, Endpoint peer) : stream_(std::move(stream)), peer_(std::move(peer)) {}
    Awaitable<Result<Chunk>> read() override { return stream_->read(); }
    Awaitable<Result<>> write(Chunk bytes) override { return stream_->write(std::move(bytes)); }
    void shutdown_write() override { stream_->shutdown_write(); }
    void close() override { stream_->close(); }
    std::optional<Endpoint> peer() const override { return peer_; }

   private:
    StreamPtr stream_;
    Endpoint peer_;
  };
  Listener& network_;
};

class SshServerTest : public ::testing::Test {
 protected:
  SshServerTest() {
    house.services.local = house.storage.folder("ssh");
    house.services.processes = &processes;
    house.services.signals = &signals;
    house.services.server_app = Endpoint("127.0.0.1", 8080);
    processes.answer = [this](const Command& command) -> Checked<std::string> {
      if (command.program == "ssh-keygen" && command.arguments[0] == "-q") {
        EXPECT_TRUE(local().write(command.arguments.back(), "a private key"));
      }
      return Checked<std::string>(boost::system::in_place_value, std::string(test::ed25519) + "\n");
    };
  }
  const Storage& local() const { return house.services.local; }
  std::string file(std::string_view name) const { return local().read(name)->value_or("none"); }
  Checked<std::unique_ptr<ServerTransport>> make(const Args& options = {}) {
    return Server::make(house.services, options);
  }
  std::string refusal(const Args& options = {}) {
    auto made = make(options);
    return made ? "" : made.error().text();
  }
  /// Makes a server and lets it serve `network`.
  void serve(const Args& options = {}) { serve(network, options); }
  void serve(Listener& listener, const Args& options = {}) {
    auto made = make(options);
    ASSERT_TRUE(made) << made.error().text();
    server = std::move(*made);
    house.loop.spawn([this, &listener]() -> Awaitable<> {
      ServerTransport::OnStream never = [](StreamPtr) { FAIL() << "sshd reaches the Server App itself"; };
      co_await server->serve(listener, std::move(never));
    });
  }
  StreamPtr dial() {
    StreamPtr stream;
    house.loop.spawn([&]() -> Awaitable<> {
      const Endpoint unused;
      stream = std::move(*co_await network.dial(unused));
    });
    at(house.loop.seconds());
    return stream;
  }
  void at(std::chrono::seconds when) { house.loop.run_until(Clock::TimePoint(when)); }

  ptproxy::test::TemporaryDirectory directory;
  std::unique_ptr<ServerTransport> server;
  ptproxy::test::TestHouse house{directory.path()};
  ptproxy::test::FakeProcesses processes{house.loop.executor()};
  MemorySignals signals{house.loop.executor()};
  ptproxy::test::MemoryNetwork network{house.loop.executor()};
  PublicKey key = test::numbered_key(1);
};

TEST_F(SshServerTest, TellsClientsWhoItIsAndWhereToGo) {
  serve();
  EXPECT_THAT(server->client_args().pairs(),
              ElementsAre(Pair("user", "alice"), Pair("fingerprint", test::ed25519_fingerprint),
                          Pair("remote", "127.0.0.1:8080")));
  at(0s);
  EXPECT_EQ(file("client.json"), std::string(R"({"hostkey":")") + test::ed25519 +
                                     R"(","user":"alice","fingerprint":")" + test::ed25519_fingerprint +
                                     R"(","remote":"127.0.0.1:8080"})" + "\n");
}

TEST_F(SshServerTest, MakesItsHostKeyOnce) {
  ASSERT_TRUE(make());
  EXPECT_EQ(file("hostKey"), "a private key");
  const auto ran = processes.ran.size();
  ASSERT_TRUE(make());
  EXPECT_EQ(processes.ran.size(), 2 * ran - 1);
  for (const auto& row : std::filesystem::directory_iterator(local().directory())) {
    struct stat there {};
    ASSERT_EQ(::stat(row.path().c_str(), &there), 0);
    EXPECT_EQ(there.st_mode & 077, 0u) << row.path();
  }
}

TEST_F(SshServerTest, ForwardsToTheServerAppAlone) {
  ASSERT_TRUE(make());
  const auto config = file("sshd_config");
  for (const auto* line :
       {"PermitOpen 127.0.0.1:8080\n", "AllowTcpForwarding local\n", "PasswordAuthentication no\n", "MaxSessions 0\n",
        "ForceCommand /bin/false\n", "AllowAgentForwarding no\n", "GatewayPorts no\n"})
    EXPECT_THAT(config, HasSubstr(line));
  EXPECT_THAT(config, HasSubstr("AuthorizedKeysFile \"" + local().directory().native() + "/authorized_keys\"\n"));
  EXPECT_EQ(file("authorized_keys"), "") << "nobody may come in yet";
}

TEST_F(SshServerTest, DoesNotRunWhereSshdCouldOrShouldNot) {
  processes.who = Account{"root", true, false};
  EXPECT_THAT(refusal(), HasSubstr("unprivileged"));
  processes.who = Account{"nobody", false, true};
  EXPECT_THAT(refusal(), HasSubstr("locked"));
  processes.who = Account{"", false, false};
  EXPECT_THAT(refusal(), HasSubstr("no name"));
  processes.who = Account{"alice", false, false};
  EXPECT_THAT(refusal(Args().add("accept", "perhaps")), HasSubstr("accept"));
  house.services.server_app.reset();
  EXPECT_THAT(refusal(), HasSubstr("Extended ORPort"));
  house.services.server_app = Endpoint("127.0.0.1", 8080);
  processes.answer = [](const Command& command) -> Checked<std::string> {
    return Refusal("there is no program " + command.program + " on this machine");
  };
  EXPECT_THAT(refusal(), HasSubstr("there is no program ssh-keygen"));
  house.services.processes = nullptr;
  EXPECT_FALSE(make());
}

TEST_F(SshServerTest, HandsEachConnectionToAnSshdOfItsOwn) {
  serve();
  std::string said;
  processes.on_start = [](ptproxy::test::FakeProgram& sshd) { sshd.say(accepted); };
  auto client = dial();
  ASSERT_EQ(processes.started.size(), 1u);
  auto& sshd = *processes.started[0];
  EXPECT_EQ(sshd.command.program, "sshd");
  EXPECT_THAT(sshd.command.arguments, ElementsAre("-i", "-e", "-f", (local().directory() / "sshd_config").native()));
  house.loop.spawn([&]() -> Awaitable<> {
    Chunk banner = house.chunk("SSH-2.0-OpenSSH");
    (void)co_await sshd.theirs->write(std::move(banner));
    said = house.text(*co_await client->read());
    client->close();
  });
  at(1s);
  EXPECT_EQ(said, "SSH-2.0-OpenSSH");
  sshd.end(255);
  at(2s);
  EXPECT_EQ(house.chunks.lent(), 0u);
}

TEST_F(SshServerTest, HasALimitOfClientsThatHaveNotProvedTheirKey) {
  serve();
  std::vector<StreamPtr> clients;
  for (int i = 0; i < Server::most_logging_in + 3; ++i) clients.push_back(dial());
  EXPECT_EQ(processes.started.size(), static_cast<std::size_t>(Server::most_logging_in));
  // What sshd says of the user name "x\nAccepted publickey for alice".
  for (const char* forged : {"Invalid user x", "Accepted publickey for alice from UNKNOWN port 65535",
                             "Accepted publickey for alice from UNKNOWN port 65535 ssh2: RSA SHA256:abc port 65535"})
    processes.started[0]->say(forged);
  at(1s);
  clients.push_back(dial());
  EXPECT_EQ(processes.started.size(), static_cast<std::size_t>(Server::most_logging_in)) << "a client's own words";
  processes.started[0]->say(accepted);
  at(1s);
  clients.push_back(dial());
  EXPECT_EQ(processes.started.size(), static_cast<std::size_t>(Server::most_logging_in) + 1) << "one has";
  processes.started[1]->end(255);
  at(2s);
  clients.push_back(dial());
  EXPECT_EQ(processes.started.size(), static_cast<std::size_t>(Server::most_logging_in) + 2) << "and one is gone";
}

TEST_F(SshServerTest, OneClientThatNeverLogsInLeavesRoomForOthers) {
  AddressedNetwork addressed(network);
  serve(addressed);
  constexpr std::size_t most = Server::most_logging_in_from_one;
  std::vector<StreamPtr> clients;
  for (std::size_t i = 0; i < most + 3; ++i) clients.push_back(dial());
  EXPECT_EQ(processes.started.size(), most);
  addressed.client = Endpoint("192.0.2.2", 1);
  clients.push_back(dial());
  EXPECT_EQ(processes.started.size(), most + 1);
  network.close();
  at(1s);
}

TEST_F(SshServerTest, ManuallyLetsNobodyInBeforeTheOperatorSaysSo) {
  serve();
  signals.deliver(client_key_message(key));
  at(60s);
  EXPECT_EQ(file("authorized_keys"), "");
  EXPECT_THAT(signals.sent, IsEmpty());
  ASSERT_TRUE(local().write("accept", key.fingerprint() + "\n"));
  at(62s);
  EXPECT_THAT(file("authorized_keys"), HasSubstr(key.to_string()));
  EXPECT_THAT(signals.sent, ElementsAre(accepted_message(key)));
}

TEST_F(SshServerTest, AsksTheOperatorAgainAfterAFault) {
  serve();
  signals.deliver(client_key_message(key));
  at(1s);
  std::filesystem::create_directory(local().directory() / "accept");
  at(60s);
  EXPECT_THAT(signals.sent, IsEmpty());
  std::filesystem::remove(local().directory() / "accept");
  ASSERT_TRUE(local().write("accept", key.fingerprint() + "\n"));
  at(62s);
  EXPECT_THAT(signals.sent, ElementsAre(accepted_message(key)));
}

TEST_F(SshServerTest, AutomaticallyLetsInWhoAsks) {
  serve(Args().add("accept", "auto"));
  signals.deliver("not a message");
  signals.deliver(R"({"t":"something-new"})");
  signals.deliver(client_key_message(key));
  at(1s);
  EXPECT_EQ(file("authorized_keys"), "restrict,port-forwarding " + key.to_string() + "\n");
  EXPECT_THAT(signals.sent, ElementsAre(accepted_message(key)));
}

TEST_F(SshServerTest, GeneratesWhatBothSidesNeed) {
  auto made = Server::generate(house.services, Args().add("accept", "auto"), "192.0.2.1:22");
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(made->server, Args().add("accept", "auto"));
  EXPECT_EQ(made->client.find("fingerprint"), test::ed25519_fingerprint);
  EXPECT_EQ(file("hostKey"), "a private key");
  EXPECT_TRUE(processes.started.empty());
}

}  // namespace
}  // namespace ptproxy::ssh
