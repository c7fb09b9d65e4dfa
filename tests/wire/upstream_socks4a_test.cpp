#include "wire/upstream_socks4a.h"

#include <gtest/gtest.h>

#include "support/talk.h"
#include "wire/socks_reply.h"
#include "wire/upstream_errc.h"

namespace ptproxy {
namespace {

using test::hex;
using test::operator+;
using test::text_bytes;

test::Talk talk(const Endpoint& target, const std::string& user, const Bytes& heard) {
  return test::talk_in_every_slicing([&] { return std::make_unique<UpstreamSocks4a>(target, user); }, heard);
}

const Endpoint v4("198.51.100.9", 443);

TEST(UpstreamSocks4a, AsksForAnAddress) {
  const auto went = talk(v4, "", hex("005a 1234 01020304") + text_bytes("tunnel"));
  EXPECT_TRUE(went.done);
  EXPECT_EQ(to_hex(went.said), "040101bbc633640900");
  EXPECT_EQ(went.left, text_bytes("tunnel"));
}

TEST(UpstreamSocks4a, AsksForANameAndTellsTheUser) {
  const auto went = talk(Endpoint("a.example", 80), "me", hex("005a000000000000"));
  EXPECT_TRUE(went.done);
  EXPECT_EQ(went.said, hex("0401005000000001") + text_bytes("me") + hex("00") + text_bytes("a.example") + hex("00"));
}

TEST(UpstreamSocks4a, HasNoFormForIpv6) {
  const auto went = talk(Endpoint("2001:db8::1", 443), "", {});
  EXPECT_EQ(reply_for(went.error), SocksReply::address_type_not_supported);
  EXPECT_TRUE(went.said.empty());
}

TEST(UpstreamSocks4a, RefusesNamesThatWouldBreakTheRequest) {
  for (const auto& name : {std::string(), std::string("a\0b", 3), std::string("a b"), std::string(256, 'n')}) {
    const auto went = talk(Endpoint(name, 1), "", {});
    EXPECT_EQ(went.error, UpstreamErrc::bad_name);
    EXPECT_TRUE(went.said.empty());
  }
}

TEST(UpstreamSocks4a, TakesOnlyAGrant) {
  for (const auto* code : {"5b", "5c", "5d", "00", "ff"})
    EXPECT_EQ(talk(v4, "", hex("00") + hex(code) + Bytes(6, 0)).error, UpstreamErrc::refused);
  for (const auto* reply : {"04", "05", "485454502f312e31"})
    EXPECT_EQ(talk(v4, "", hex(reply)).error, UpstreamErrc::bad_reply);
  const Bytes grant = hex("005a000000000000");
  for (int length = 0; length < 8; ++length) {
    const auto went = talk(v4, "", Bytes(grant.begin(), grant.begin() + length));
    EXPECT_FALSE(went.done || went.error);
  }
}

}  // namespace
}  // namespace ptproxy
