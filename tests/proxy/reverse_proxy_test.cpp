#include "proxy/reverse_proxy.h"

#include "support/manual_loop.h"
#include "support/temporary_directory.h"

#include <gtest/gtest.h>

#include <fstream>

namespace ptproxy {
namespace {

using namespace std::chrono_literals;

/// Every connection is a stream at once.
class OpenTransport final : public ServerTransport {
 public:
  Awaitable<> serve(Listener& listener, OnStream on_stream) override {
    for (;;) {
      auto stream = co_await listener.accept();
      if (!stream) co_return;
      on_stream(std::move(*stream));
    }
  }
};

class ReverseProxyTest : public ::testing::Test, protected test::TestHouse {
 protected:
  void start(OrPort& or_port) {
    proxy_.emplace(services, "open", transport, or_port);
    loop.spawn([this]() -> Awaitable<> { co_await proxy_->serve(outside); });
  }
  void client_says(std::string words) {
    loop.spawn([this, words = std::move(words)]() -> Awaitable<> {
      const Endpoint here("127.0.0.1", 1);
      auto stream = co_await outside.dial(here);
      (void)co_await (*stream)->write(chunk(words));
      (*stream)->shutdown_write();
      heard = co_await read_all(**stream);
      client_ended = true;
    });
  }
  test::MemoryNetwork outside{loop.executor()}, inside{loop.executor()};
  OpenTransport transport;
  std::optional<ReverseProxy> proxy_;
  std::string heard;
  bool client_ended = false;
};

TEST_F(ReverseProxyTest, CarriesBytesToTheServerApp) {
  OrPort or_port(services, inside, Endpoint("127.0.0.1", 9001));
  start(or_port);
  loop.spawn([this]() -> Awaitable<> {
    auto stream = co_await inside.accept();
    co_await echo(std::move(*stream));
  });
  client_says("hello");
  loop.run();
  EXPECT_EQ(heard, "hello");
  EXPECT_EQ(inside.last_dialled(), Endpoint("127.0.0.1", 9001));
}

TEST_F(ReverseProxyTest, DropsTheClientWhenTheServerAppIsAway) {
  OrPort or_port(services, inside, Endpoint("127.0.0.1", 9001));
  inside.refuse();
  start(or_port);
  client_says("hello");
  loop.run();
  EXPECT_TRUE(client_ended);
  EXPECT_EQ(heard, "");
  EXPECT_EQ(chunks.lent(), 0u);
}

TEST_F(ReverseProxyTest, GoesAroundNoExtendedOrPortThatFails) {
  test::TemporaryDirectory directory;
  OrPort or_port(services, inside, Endpoint("127.0.0.1", 9002), directory.path() / "cookie");
  start(or_port);
  client_says("hello");  // there is no cookie yet
  loop.run();
  EXPECT_TRUE(client_ended);
  EXPECT_EQ(heard, "");
  EXPECT_EQ(inside.dialled(), 1);
}

TEST_F(ReverseProxyTest, GivesUpOnAnExtendedOrPortThatIsSilent) {
  test::TemporaryDirectory directory;
  std::ofstream(directory.path() / "cookie") << "! Extended ORPort Auth Cookie !\n" << std::string(32, 'c');
  OrPort or_port(services, inside, Endpoint("127.0.0.1", 9002), directory.path() / "cookie");
  start(or_port);
  client_says("hello");
  loop.run();  // nobody accepts
  EXPECT_TRUE(client_ended);
  EXPECT_EQ(loop.seconds(), 10s);
}

}  // namespace
}  // namespace ptproxy
