#include "proxy/upstream_dialer.h"

#include "support/manual_loop.h"
#include "support/talk.h"
#include "wire/socks_reply.h"
#include "wire/upstream_errc.h"

#include <gtest/gtest.h>

namespace ptproxy {
namespace {

using Kind = UpstreamProxy::Kind;
constexpr auto kinds = {Kind::http, Kind::socks4a, Kind::socks5};

class UpstreamDialerTest : public ::testing::Test, protected test::TestHouse {
 protected:
  /// A proxy that reads once, says `words` and ends the connection; the dialler's error for `to`.
  error_code dial(Kind kind, std::string words, const Endpoint& to = Endpoint("bridge.invalid", 443)) {
    UpstreamDialer dialer(services, network, UpstreamProxy(kind, Endpoint("192.0.2.7", 1080)));
    error_code why;
    loop.spawn([this, words = std::move(words)]() -> Awaitable<> {
      auto proxy = co_await network.accept();
      if (!proxy) co_return;
      (void)co_await (*proxy)->read();
      if (words.empty()) co_return;
      (void)co_await (*proxy)->write(chunk(words));
      (*proxy)->shutdown_write();
      (void)co_await read_all(**proxy);
    });
    loop.spawn([&]() -> Awaitable<> {
      auto stream = co_await dialer.dial(to);
      if (!stream) why = stream.error();
    });
    loop.run();
    return why;
  }
  test::MemoryNetwork network{loop.executor()};
};

TEST_F(UpstreamDialerTest, ReachesTheProxyAndNobodyElse) {
  for (auto kind : kinds) {
    (void)dial(kind, "");
    EXPECT_EQ(network.last_dialled(), Endpoint("192.0.2.7", 1080));
  }
  EXPECT_EQ(network.dialled(), 3);
}

TEST_F(UpstreamDialerTest, CallsAProxyThatHangsUpMidwayByItsName) {
  const std::pair<Kind, std::string> rows[] = {{Kind::http, ""},
                                               {Kind::http, "HTTP/1.1 200 O"},
                                               {Kind::socks4a, ""},
                                               {Kind::socks4a, std::string("\0\x5a", 2)},
                                               {Kind::socks5, ""},
                                               {Kind::socks5, std::string("\x05", 1)},
                                               {Kind::socks5, std::string("\x05\0\x05\0\0", 5)}};
  for (const auto& [kind, words] : rows) {
    const auto why = dial(kind, words);
    EXPECT_EQ(why, UpstreamErrc::hung_up) << words;
    EXPECT_EQ(reply_for(why), SocksReply::general_failure);
  }
}

TEST_F(UpstreamDialerTest, TellsThatTheProxyItselfRefuses) {
  network.refuse();
  for (auto kind : kinds) EXPECT_EQ(reply_for(dial(kind, "")), SocksReply::connection_refused);
}

}  // namespace
}  // namespace ptproxy
