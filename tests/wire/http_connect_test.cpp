#include "wire/http_connect.h"

#include <gtest/gtest.h>

#include "support/talk.h"
#include "wire/socks_reply.h"
#include "wire/upstream_errc.h"

namespace ptproxy {
namespace {

using test::text_bytes;
using Text = std::optional<std::string>;

test::Talk talk(std::string_view heard, const Endpoint& target = Endpoint("198.51.100.9", 443), const Text& user = {},
                const Text& password = {}) {
  return test::talk_in_every_slicing([&] { return std::make_unique<HttpConnect>(target, user, password); },
                                     text_bytes(heard));
}

TEST(HttpConnect, AsksForEachFormOfDestination) {
  for (const auto& [target, authority] : {std::pair(Endpoint("198.51.100.9", 443), "198.51.100.9:443"),
                                          std::pair(Endpoint("2001:db8::1", 443), "[2001:db8::1]:443"),
                                          std::pair(Endpoint("a.example", 80), "a.example:80")}) {
    const std::string name(authority);
    EXPECT_EQ(talk("", target).said, text_bytes("CONNECT " + name + " HTTP/1.1\r\nHost: " + name + "\r\n\r\n"));
  }
}

TEST(HttpConnect, TellsWhoItIs) {
  const std::vector<std::tuple<Text, Text, std::string>> table = {
      {"Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, {"u", std::nullopt, "dTo="}, {"", "", "Og=="}};
  for (const auto& [user, password, encoded] : table)
    EXPECT_EQ(talk("", Endpoint("1.2.3.4", 5), user, password).said,
              text_bytes("CONNECT 1.2.3.4:5 HTTP/1.1\r\nHost: 1.2.3.4:5\r\nProxy-Authorization: Basic " + encoded +
                         "\r\n\r\n"));
}

TEST(HttpConnect, TakesEvery2xx) {
  for (const std::string header :
       {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 Connection established\r\n\r\n", "HTTP/1.1 204\r\n\r\n",
        "HTTP/1.1 299 \r\nContent-Length: 5\r\nX: y\r\n\r\n", "HTTP/1.1 200 OK\n\n", "HTTP/1.1 200\nA: b\r\n\r\n"}) {
    const auto went = talk(header + "\r\ntunnel");
    EXPECT_TRUE(went.done) << header;
    EXPECT_EQ(went.left, text_bytes("\r\ntunnel")) << header;
  }
}

TEST(HttpConnect, GivesUpOnEveryOtherStatus) {
  for (const std::string status : {"100", "101", "301", "400", "403", "502", "999", "000"}) {
    const auto went = talk("HTTP/1.1 " + status + " No\r\n\r\n");
    EXPECT_EQ(went.error, UpstreamErrc::refused) << status;
    EXPECT_EQ(reply_for(went.error), SocksReply::general_failure);
  }
}

TEST(HttpConnect, DoesNotTryAgainAfter407) {
  const auto* response = "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=\"secret\"\r\n\r\n";
  EXPECT_EQ(talk(response).error, UpstreamErrc::wants_credentials);
  const auto went = talk(response, Endpoint("1.2.3.4", 5), "u", "p");
  EXPECT_EQ(went.error, UpstreamErrc::refused_credentials);
  EXPECT_EQ(as_text(went.said).find("CONNECT", 1), std::string_view::npos);
}

TEST(HttpConnect, RefusesWhatIsNotHttp1) {
  for (const std::string text :
       {"HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000\r\n\r\n", "HTTP/1.x 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1\r\n\r\n", "SSH-2.0", "\r\n\r\n", "HTTP/1.1 2a0 OK\r\n\r\n"})
    EXPECT_EQ(talk(text).error, UpstreamErrc::bad_reply) << text;
}

TEST(HttpConnect, ReadsAHeaderOf16KiBAndNoMore) {
  const std::string start = "HTTP/1.1 200 OK\r\nX: ";
  const auto header = [&](std::size_t size) { return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n"; };
  EXPECT_TRUE(talk(header(HttpConnect::longest_header) + "tunnel").done);
  EXPECT_EQ(talk(header(HttpConnect::longest_header + 1)).error, UpstreamErrc::header_too_long);
  EXPECT_FALSE(talk(start + std::string(1000, 'x')).error);
}

TEST(HttpConnect, LetsNoNameWriteHeaders) {
  for (const auto& name : {std::string("a\r\nX: y"), std::string("a b"), std::string(), std::string("a\0", 2)}) {
    const auto went = talk("", Endpoint(name, 1));
    EXPECT_EQ(went.error, UpstreamErrc::bad_name);
    EXPECT_TRUE(went.said.empty());
  }
}

}  // namespace
}  // namespace ptproxy
