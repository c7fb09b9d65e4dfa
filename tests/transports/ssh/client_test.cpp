#include "transports/ssh/client.h"

#include "support/fake_processes.h"
#include "support/temporary_directory.h"
#include "transports/ssh/keys.h"

#include <gtest/gtest.h>

namespace ptproxy::ssh {
namespace {

using namespace std::chrono_literals;

class SshClientTest : public ::testing::Test {
 protected:
  SshClientTest() {
    house.services.processes = &processes;
    house.services.local = house.storage.folder("ssh");
    processes.answer = [this](const Command& command) -> Checked<std::string> {
      if (command.program == "ssh-keygen" && command.arguments[0] == "-q") {
        EXPECT_TRUE(house.services.local.write(command.arguments.back(), "a private key"));
      }
      return Checked<std::string>(boost::system::in_place_value, std::string(test::ed25519) + "\n");
    };
    processes.on_start = [this](ptproxy::test::FakeProgram& ssh) {
      if (!refuses) return;
      ssh.say("alice@ptproxy: Permission denied (publickey).");
      ssh.end(255);
    };
    client = Client::make(house.services).value();
  }
  ~SshClientTest() override { processes.on_start = nullptr; }
  /// What a connection through the server with this port comes to.
  std::shared_ptr<error_code> connect(std::uint16_t port) {
    auto outcome = std::make_shared<error_code>();
    house.loop.spawn([this, outcome, port]() -> Awaitable<> {
      const Endpoint server("192.0.2.7", port);
      const auto args =
          Args().add("user", "alice").add("fingerprint", test::ed25519_fingerprint).add("remote", "127.0.0.1:8080");
      auto stream = co_await client->connect(server, args, network);
      *outcome = stream.error();
    });
    house.loop.run_until(house.loop.now() + 1s);
    return outcome;
  }

  ptproxy::test::TemporaryDirectory directory;
  ptproxy::test::TestHouse house{directory.path()};
  ptproxy::test::FakeProcesses processes{house.loop.executor()};
  ptproxy::test::MemoryNetwork network{house.loop.executor()};
  std::unique_ptr<ClientTransport> client;
  bool refuses = true;
};

TEST_F(SshClientTest, ServersThatRefuseAreForgottenWhenOthersAreWanted) {
  for (std::uint16_t port = 1; port <= Client::most_tunnels + 3; ++port)
    EXPECT_EQ(*connect(port), Errc::forbidden) << port;
  processes.started.clear();
  house.loop.run_until(house.loop.now() + 10s);
  EXPECT_EQ(processes.started.size(), Client::most_tunnels) << "each is tried every ten seconds, and no other is";
}

TEST_F(SshClientTest, ServersInUseAreNot) {
  refuses = false;
  std::vector<std::shared_ptr<error_code>> waiting;
  for (std::uint16_t port = 1; port <= Client::most_tunnels; ++port) waiting.push_back(connect(port));
  EXPECT_EQ(*connect(1000), asio::error::no_buffer_space);
  for (const auto& outcome : waiting) EXPECT_FALSE(*outcome);
}

}  // namespace
}  // namespace ptproxy::ssh
