#include "transports/ssh/login.h"

#include "transports/ssh/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptproxy::ssh {
namespace {

using ::testing::HasSubstr;

const Endpoint destination("192.0.2.7", 443);

Args least() {
  return Args().add("user", "alice").add("fingerprint", test::ed25519_fingerprint);
}

std::string fault(const Args& args) {
  auto route = parse_route(destination, args);
  return route ? "" : route.error().text();
}

TEST(SshLogin, TakesTheDestinationForTheServerAppWhereAHostIsNamed) {
  const auto route = parse_route(destination, least().add("host", "ssh.example").add("port", "2222"));
  ASSERT_TRUE(route);
  EXPECT_EQ(route->login.server, Endpoint("ssh.example", 2222));
  EXPECT_EQ(route->app, destination);
  EXPECT_EQ(parse_route(destination, least().add("host", "2001:db8::1"))->login.server, Endpoint("2001:db8::1", 22));
}

TEST(SshLogin, TakesTheDestinationForTheServerWhereNoneIsNamed) {
  const auto route = parse_route(destination, least().add("remote", "127.0.0.1:8080"));
  ASSERT_TRUE(route);
  EXPECT_EQ(route->login.server, destination);
  EXPECT_EQ(route->app, Endpoint("127.0.0.1", 8080));
  EXPECT_EQ(route->login.user, "alice");
  EXPECT_EQ(route->login.fingerprint, test::ed25519_fingerprint);
  EXPECT_EQ(route->login.host_key_algorithms, "");
}

TEST(SshLogin, TakesARemoteForTheServerAppInAnyCase) {
  const auto route = parse_route(destination, least().add("host", "ssh.example").add("remote", "[::1]:8080"));
  ASSERT_TRUE(route);
  EXPECT_EQ(route->app, Endpoint("::1", 8080));
}

TEST(SshLogin, KnowsTheServerByItsKeyOrItsFingerprint) {
  const auto base = Args().add("user", "alice").add("remote", "a:1");
  const auto by_key = parse_route(destination, Args(base).add("hostkey", test::ed25519));
  EXPECT_EQ(by_key->login.fingerprint, test::ed25519_fingerprint);
  EXPECT_EQ(by_key->login.host_key_algorithms, "ssh-ed25519");
  EXPECT_EQ(parse_route(destination, Args(base).add("hostkey", test::rsa))->login.host_key_algorithms,
            "rsa-sha2-512,rsa-sha2-256");
  EXPECT_TRUE(parse_route(destination, Args(base).add("hostkey", test::rsa).add("fingerprint", test::rsa_fingerprint)));
  EXPECT_THAT(fault(Args(base).add("hostkey", test::rsa).add("fingerprint", test::ed25519_fingerprint)),
              HasSubstr("not of one key"));
  EXPECT_THAT(fault(base), HasSubstr("missing argument 'fingerprint' or 'hostkey'"));
}

TEST(SshLogin, RefusesWhatIsMissingOrWrong) {
  EXPECT_THAT(fault(least()), HasSubstr("missing argument 'remote', or 'host'"));
  EXPECT_THAT(fault(Args().add("remote", "a:1")), HasSubstr("missing argument 'user'"));
  for (const auto* user : {"", "-oProxyCommand=x", "a b", "a@b", "1a", "a\n", "abcdefghijklmnopqrstuvwxyzabcdefg"})
    EXPECT_THAT(fault(Args().add("user", user).add("remote", "a:1").add("fingerprint", test::ed25519_fingerprint)),
                HasSubstr("user"))
        << user;
  for (const auto* port : {"", "0", "65536", "22x", "-1"})
    EXPECT_THAT(fault(least().add("host", "h").add("port", port)), HasSubstr("port")) << port;
  for (const auto* host : {"", "a b", "[::1"}) EXPECT_THAT(fault(least().add("host", host)), HasSubstr("host")) << host;
  for (const auto* remote : {"", "a", "a:0", ":1"})
    EXPECT_THAT(fault(least().add("remote", remote)), HasSubstr("remote")) << remote;
  for (const auto* print : {"", "SHA256:", "SHA256:'; touch x; '"})
    EXPECT_THAT(fault(Args().add("user", "a").add("remote", "a:1").add("fingerprint", print)),
                HasSubstr("fingerprint"));
}

}  // namespace
}  // namespace ptproxy::ssh
