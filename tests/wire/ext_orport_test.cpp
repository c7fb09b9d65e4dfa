#include "wire/ext_orport.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include "support/talk.h"
#include "support/vectors.h"

namespace ptproxy {
namespace {

using test::hex;
using test::operator+;
using test::Talk;
using test::text_bytes;

const Bytes cookie = hex("1a3c48bcab882a45596b28927e1fc3ac47bcbfb63b1ae6e4657d6474d3cf98af");
const Bytes server_nonce(32, 0xbb);

ByteArray<32> nonce(const Bytes& bytes) {
  ByteArray<32> out{};
  std::copy_n(bytes.begin(), 32, out.begin());
  return out;
}

const Bytes client_nonce(32, 0xaa);

Bytes hmac(std::string_view label) {
  const Bytes message = text_bytes(label) + client_nonce + server_nonce;
  Bytes out(32);
  crypto_auth_hmacsha256(out.data(), message.data(), message.size(), cookie.data());
  return out;
}

/// What tor says up to the client's hash.
Bytes greeting() {
  return hex("0100") + hmac("ExtORPort authentication server-to-client hash") + server_nonce;
}

Talk talk(const Bytes& heard, const std::optional<Endpoint>& client = std::nullopt, std::string_view transport = "x") {
  return test::talk_in_every_slicing(
      [&] { return std::make_unique<ExtOrPort>(Secret<32>(cookie), nonce(client_nonce), client, transport); }, heard);
}

/// What we say when all goes well.
Bytes said_with(const std::string& commands) {
  return hex("01") + client_nonce + hmac("ExtORPort authentication client-to-server hash") + hex(commands);
}

const std::string transport_and_done = "0002000178 00000000";

TEST(ExtOrPort, SaysWhatTorAccepted) {
  const auto vectors = test::read_vectors("extorport.json");
  for (const auto& recorded : vectors.at("transcripts").as_array()) {
    Bytes heard, said;
    for (const auto& step : recorded.at("steps").as_array()) {
      auto& side = step.at("dir").as_string() == "S>C" ? heard : said;
      side = side + hex(step.at("hex").as_string().c_str());
    }
    const std::string user_addr = recorded.at("useraddr").as_string().c_str();
    const std::string transport = recorded.at("transport").as_string().c_str();
    const Bytes nonce_sent(said.begin() + 1, said.begin() + 33);
    const auto client = parse_endpoint(user_addr, HostKind::literal, PortKind::nonzero);
    const auto recorded_cookie = hex(recorded.at("cookie").as_string().c_str());
    const auto make = [&] {
      return std::make_unique<ExtOrPort>(Secret<32>(recorded_cookie), nonce(nonce_sent), *client, transport);
    };
    const auto went = test::talk_in_every_slicing(make, heard);
    EXPECT_TRUE(went.done);
    EXPECT_EQ(went.said, said);
  }
}

TEST(ExtOrPort, AgreesOnTheSyntheticHashes) {
  const auto vectors = test::read_vectors("extorport.json");
  const auto& row = vectors.at("synthetic_hmac").at(0).as_object();
  const auto field = [&](const char* name) { return hex(row.at(name).as_string().c_str()); };
  ExtOrPort or_port(Secret<32>(field("cookie")), nonce(field("client_nonce")), std::nullopt, "x");
  const auto went = test::talk(or_port, {hex("0100") + field("server_hash") + field("server_nonce")});
  EXPECT_EQ(went.said, hex("01") + field("client_nonce") + field("client_hash") + hex(transport_and_done));
}

TEST(ExtOrPort, SpeaksFirst) {
  ExtOrPort or_port(Secret<32>(cookie), nonce(client_nonce), std::nullopt, "x");
  EXPECT_EQ(test::talk(or_port, {}).said, hex("01") + client_nonce);
}

TEST(ExtOrPort, WritesTheClientsAddressAsTorReadsIt) {
  const std::vector<std::pair<Endpoint, std::string>> table = {
      {Endpoint("198.51.100.7", 40001), "198.51.100.7:40001"},
      {Endpoint("198.51.100.7", 0), "198.51.100.7:1"},
      {Endpoint("2001:db8:0::7", 5), "[2001:db8::7]:5"},
      {Endpoint("::ffff:1.2.3.4", 5), "1.2.3.4:5"},
      {Endpoint("::FFFF:102:304", 0), "1.2.3.4:1"},
      {Endpoint("::1", 65535), "[::1]:65535"},
  };
  for (const auto& [client, text] : table) {
    ByteQueue command;
    command.append_u16(1);
    command.append_u16(static_cast<std::uint16_t>(text.size()));
    command.append(as_bytes(text));
    EXPECT_EQ(talk(greeting(), client).said, said_with(to_hex(command.view()) + transport_and_done)) << text;
  }
  for (const auto& client : {Endpoint("host.example", 5), Endpoint("fe80::1%eth0", 5), Endpoint("", 0)})
    EXPECT_EQ(talk(greeting(), client).said, said_with(transport_and_done));
}

TEST(ExtOrPort, TakesAnyListOfTypesWithSafeCookieInIt) {
  Bytes after_list = greeting();
  after_list.erase(after_list.begin(), after_list.begin() + 2);
  for (const auto& types : {hex("02030100"), hex("01ff00"), Bytes(254, 0x02) + hex("0100")})
    EXPECT_EQ(talk(types + after_list).said, said_with(transport_and_done));
}

TEST(ExtOrPort, GivesUpWithoutSafeCookie) {
  for (const auto& types : {hex("00"), hex("0200"), Bytes(256, 0x01), Bytes(5000, 0x02)}) {
    const auto went = talk(types);
    EXPECT_EQ(went.error, OrPortErrc::no_common_auth);
    EXPECT_EQ(went.said, hex("01") + client_nonce);
  }
}

TEST(ExtOrPort, KeepsItsHashFromWhoDoesNotKnowTheCookie) {
  for (std::size_t byte : {2u, 33u, 34u, 65u}) {
    Bytes heard = greeting();
    heard[byte] ^= 1;
    const auto went = talk(heard);
    EXPECT_EQ(went.error, OrPortErrc::wrong_server_hash);
    EXPECT_EQ(went.said, hex("01") + client_nonce);
  }
}

TEST(ExtOrPort, NoticesARefusedCookie) {
  for (const auto* status : {"00", "02", "ff"})
    EXPECT_EQ(talk(greeting() + hex(status)).error, OrPortErrc::cookie_refused);
}

TEST(ExtOrPort, WaitsForOkayAndLeavesWhatIsBehindIt) {
  EXPECT_FALSE(talk(greeting() + hex("01")).done);
  const auto went = talk(greeting() + hex("01 10000003 616263") + text_bytes("tls"));
  EXPECT_TRUE(went.done);
  EXPECT_EQ(went.left, text_bytes("tls"));
  EXPECT_FALSE(talk(greeting() + hex("01 10000003 6162")).done);
}

TEST(ExtOrPort, SkipsRepliesThatItDoesNotKnow) {
  const Bytes skipped = hex("10020001 00 beef0000 0000ffff") + Bytes(65535, 0x10);
  EXPECT_TRUE(talk(greeting() + hex("01") + skipped + hex("10000000")).done);
}

TEST(ExtOrPort, ListensOnlySoLong) {
  Bytes chatter;
  for (int i = 0; i < ExtOrPort::most_unknown_replies; ++i) chatter = chatter + hex("10020000");
  EXPECT_TRUE(talk(greeting() + hex("01") + chatter + hex("10000000")).done);
  EXPECT_EQ(talk(greeting() + hex("01") + chatter + hex("10020000")).error, OrPortErrc::too_many_replies);
}

TEST(ExtOrPort, TakesDenyForAnAnswer) {
  EXPECT_EQ(talk(greeting() + hex("01 10010000")).error, OrPortErrc::connection_denied);
  EXPECT_EQ(talk(greeting() + hex("01 00030000 10010000")).error, OrPortErrc::connection_denied);
}

TEST(ExtOrPortCookie, ComesFromAFileOf64Bytes) {
  const auto vectors = test::read_vectors("extorport.json");
  const Bytes file = hex(vectors.at("cookie_file").as_string().c_str());
  const auto parsed = parse_or_port_cookie(file);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(to_hex(parsed->view()), to_hex(cookie));
  EXPECT_FALSE(parse_or_port_cookie({}));
  EXPECT_FALSE(parse_or_port_cookie(ByteView(file).first(63)));
  EXPECT_FALSE(parse_or_port_cookie(file + hex("00")));
  for (std::size_t i = 0; i < 32; ++i) {
    Bytes wrong = file;
    wrong[i] ^= 0x20;
    EXPECT_EQ(parse_or_port_cookie(wrong).error(), OrPortErrc::bad_cookie_file) << i;
  }
}

}  // namespace
}  // namespace ptproxy
