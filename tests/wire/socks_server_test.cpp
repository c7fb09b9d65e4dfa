#include "wire/socks_server.h"

#include <gtest/gtest.h>

#include "support/talk.h"

namespace ptproxy {
namespace {

using test::hex;
using test::operator+;
using test::text_bytes;

test::Talk talk(const Bytes& heard) {
  return test::talk_in_every_slicing([] { return std::make_unique<SocksServer>(true); }, heard);
}

TEST(SocksServer, TellsTheVersionByTheFirstByte) {
  for (const auto& [heard, version] : {std::pair(hex("05010005010001c633640901bb"), SocksVersion::socks5),
                                       std::pair(hex("040101bbc633640900"), SocksVersion::socks4)}) {
    EXPECT_TRUE(talk(heard).done);
    SocksServer server(true);
    test::talk(server, {heard});
    EXPECT_EQ(server.request().version(), version);
    EXPECT_EQ(server.request().target(), Endpoint("198.51.100.9", 443));
  }
}

TEST(SocksServer, SaysNothingToOtherProtocols) {
  for (const auto& heard : {text_bytes("GET / HTTP/1.1\r\n\r\n"), text_bytes("CONNECT a:1 HTTP/1.1\r\n"), hex("00"),
                            hex("0603"), hex("160301")}) {
    const auto went = talk(heard);
    EXPECT_EQ(went.error, Errc::bad_message);
    EXPECT_TRUE(went.said.empty());
  }
}

TEST(SocksServer, PassesOnWhetherMethod80IsAllowed) {
  for (bool allowed : {true, false}) {
    SocksServer server(allowed);
    EXPECT_EQ(to_hex(test::talk(server, {hex("05020080")}).said), allowed ? "0580" : "0500");
  }
}

TEST(SocksServer, KnowsTheLastWordForALateClient) {
  SocksServer silent(true), in_socks4(true), in_json(true);
  test::talk(silent, {});
  test::talk(in_socks4, {hex("0401")});
  test::talk(in_json, {hex("050109")});
  EXPECT_TRUE(silent.timeout_reply().empty());
  EXPECT_TRUE(in_socks4.timeout_reply().empty());
  EXPECT_EQ(to_hex(in_json.timeout_reply()), "05110001000000000000");
}

}  // namespace
}  // namespace ptproxy
