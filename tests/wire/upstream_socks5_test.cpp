#include "wire/upstream_socks5.h"

#include <gtest/gtest.h>

#include "support/talk.h"
#include "wire/socks_reply.h"
#include "wire/upstream_errc.h"

namespace ptproxy {
namespace {

using test::hex;
using test::operator+;
using test::text_bytes;

const Endpoint v4("198.51.100.9", 443);
const std::string ask_v4 = "05010001c633640901bb";
const std::string granted = "05000001000000000000";

test::Talk talk(const Endpoint& target, const Bytes& heard) {
  return test::talk_in_every_slicing(
      [&] { return std::make_unique<UpstreamSocks5>(target, std::nullopt, std::nullopt); }, heard);
}

test::Talk talk_as_user(const Bytes& heard) {
  return test::talk_in_every_slicing([&] { return std::make_unique<UpstreamSocks5>(v4, "me", "pw"); }, heard);
}

TEST(UpstreamSocks5, AsksInEachFormOfAddress) {
  const std::vector<std::pair<Endpoint, std::string>> table = {
      {v4, ask_v4},
      {Endpoint("2001:db8::1", 443), "0501000420010db800000000000000000000000101bb"},
      {Endpoint("a.example", 80), "0501000309612e6578616d706c650050"},
  };
  for (const auto& [target, request] : table) {
    const auto went = talk(target, hex("0500" + granted) + text_bytes("tunnel"));
    EXPECT_TRUE(went.done);
    EXPECT_EQ(to_hex(went.said), "050100" + request);
    EXPECT_EQ(went.left, text_bytes("tunnel"));
  }
}

TEST(UpstreamSocks5, ReadsTheBoundAddressToItsEnd) {
  for (const auto* reply : {"05000001 01020304 0005", "05000004 20010db8000000000000000000000001 0005",
                            "05000003 03 616263 0005", "05000003 00 0005"}) {
    const auto went = talk(v4, hex("0500") + hex(reply) + text_bytes("tunnel"));
    EXPECT_TRUE(went.done);
    EXPECT_EQ(went.left, text_bytes("tunnel"));
    const auto cut_off = hex(reply);
    EXPECT_FALSE(talk(v4, hex("0500") + Bytes(cut_off.begin(), cut_off.end() - 1)).done);
  }
}

TEST(UpstreamSocks5, TellsWhoItIsWhereAsked) {
  const auto went = talk_as_user(hex("0502 0100" + granted));
  EXPECT_TRUE(went.done);
  EXPECT_EQ(to_hex(went.said),
            "05020002"
            "01026d65027077" +
                ask_v4);
}

TEST(UpstreamSocks5, KeepsItsCredentialsWhereNobodyAsks) {
  const auto went = talk_as_user(hex("0500" + granted));
  EXPECT_TRUE(went.done);
  EXPECT_EQ(to_hex(went.said), "05020002" + ask_v4);
}

TEST(UpstreamSocks5, GivesUpWithoutAMethodInCommon) {
  EXPECT_EQ(talk(v4, hex("05ff")).error, UpstreamErrc::wants_credentials);
  EXPECT_EQ(talk_as_user(hex("05ff")).error, UpstreamErrc::wants_credentials);
  for (const auto* method : {"0502", "0501", "0509", "04", "48545450"})
    EXPECT_EQ(talk(v4, hex(method)).error, UpstreamErrc::bad_reply) << method;
  EXPECT_EQ(talk_as_user(hex("0501")).error, UpstreamErrc::bad_reply);
}

TEST(UpstreamSocks5, NoticesRefusedCredentials) {
  const auto went = talk_as_user(hex("0502 0101"));
  EXPECT_EQ(went.error, UpstreamErrc::refused_credentials);
  EXPECT_EQ(reply_for(went.error), SocksReply::general_failure);
  EXPECT_EQ(talk_as_user(hex("0502 0500")).error, UpstreamErrc::bad_reply);
}

TEST(UpstreamSocks5, PassesTheProxysAnswerOn) {
  for (Byte code = 1; code <= 8; ++code)
    EXPECT_EQ(talk(v4, hex("050005") + Bytes{code}).error, static_cast<SocksReply>(code));
  for (Byte code : {0x09, 0x10, 0xf0, 0xff})
    EXPECT_EQ(talk(v4, hex("050005") + Bytes{code}).error, SocksReply::general_failure);
}

TEST(UpstreamSocks5, RefusesBrokenReplies) {
  for (const auto* reply : {"04", "05000000", "05000005"})
    EXPECT_EQ(talk(v4, hex("0500") + hex(reply)).error, UpstreamErrc::bad_reply);
}

TEST(UpstreamSocks5, RefusesNamesThatDoNotFit) {
  for (const auto& name : {std::string(), std::string(256, 'n'), std::string("a b")}) {
    const auto went = talk(Endpoint(name, 1), {});
    EXPECT_EQ(went.error, UpstreamErrc::bad_name);
    EXPECT_TRUE(went.said.empty());
  }
}

}  // namespace
}  // namespace ptproxy
