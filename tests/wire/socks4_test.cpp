#include "wire/socks4.h"

#include <gtest/gtest.h>

#include "support/talk.h"
#include "support/vectors.h"

namespace ptproxy {
namespace {

using test::hex;
using test::operator+;
using test::text_bytes;

const std::string refusal = "005b000000000000";

test::Talk talk(const Bytes& heard, SocksRequest* request = nullptr) {
  if (request) {
    Socks4Server server;
    test::talk(server, {heard});
    *request = server.request();
  }
  return test::talk_in_every_slicing([] { return std::make_unique<Socks4Server>(); }, heard);
}

TEST(Socks4Server, UnderstandsWhatTorSends) {
  const auto recorded = test::read_vectors("socks.json").at("tor_socks4_client").as_array();
  const Endpoint bridge("198.51.100.9", 443);
  SocksRequest request;
  const auto with_args = talk(hex(recorded.at(0).at("request").as_string().c_str()), &request);
  EXPECT_TRUE(with_args.done);
  EXPECT_TRUE(with_args.said.empty());
  // Tor escapes the ';' of the value.
  EXPECT_EQ(request, SocksRequest(SocksVersion::socks4, SocksMethod::pt1_arguments, bridge, Args().add("k", "v;w")));
  EXPECT_TRUE(talk(hex(recorded.at(1).at("request").as_string().c_str()), &request).done);
  EXPECT_EQ(request, SocksRequest(SocksVersion::socks4, SocksMethod::none, bridge, {}));
}

TEST(Socks4Server, TakesANameBehindAnImpossibleAddress) {
  SocksRequest request;
  const auto went =
      talk(hex("0401005000000001") + hex("00") + text_bytes("example.net") + hex("00") + text_bytes("early"), &request);
  EXPECT_EQ(request.target(), Endpoint("example.net", 80));
  EXPECT_EQ(went.left, text_bytes("early"));
}

TEST(Socks4Server, TakesTheAddressOfAllZerosAsItIs) {
  SocksRequest request;
  EXPECT_TRUE(talk(hex("040100500000000000"), &request).done);
  EXPECT_EQ(request.target(), Endpoint("0.0.0.0", 80));
}

TEST(Socks4Server, RefusesWhatItCannotServe) {
  const std::vector<std::pair<Bytes, Errc>> table = {
      {hex("0402"), Errc::unsupported},
      {hex("04f0"), Errc::unsupported},
      {hex("0401005001020304") + text_bytes("novalue") + hex("00"), Errc::bad_arguments},
      {hex("0401005000000001 00 00"), Errc::bad_message},
      {hex("0401005000000001 00 610a 00"), Errc::bad_message},
      {hex("0401005001020304") + Bytes(1025, 'u'), Errc::too_long},
      {hex("0401005001020304") + Bytes(1025, 'u') + hex("00"), Errc::too_long},
      {hex("0401005000000001 00") + Bytes(256, 'n') + hex("00"), Errc::too_long},
  };
  for (const auto& [heard, error] : table) {
    const auto went = talk(heard);
    EXPECT_EQ(went.error, error) << to_hex(heard);
    EXPECT_EQ(to_hex(went.said), refusal);
  }
}

TEST(Socks4Server, TakesTextsUpToTheirLimits) {
  SocksRequest request;
  EXPECT_TRUE(talk(hex("0401005000000001") + text_bytes("k=" + std::string(1022, 'v')) + hex("00") + Bytes(255, 'n') +
                       hex("00"),
                   &request)
                  .done);
  EXPECT_EQ(request.target().host().size(), 255u);
  EXPECT_EQ(request.args().find("k")->size(), 1022u);
}

TEST(Socks4Server, WaitsForeverWhereBytesAreMissing) {
  const Bytes heard = hex("0401005000000001 613d62 00 61 00");
  for (std::size_t length = 0; length < heard.size(); ++length) {
    Socks4Server server;
    const auto went = test::talk(server, {Bytes(heard.begin(), heard.begin() + static_cast<std::ptrdiff_t>(length))});
    EXPECT_FALSE(went.done || went.error) << length;
    EXPECT_TRUE(went.said.empty());
  }
}

}  // namespace
}  // namespace ptproxy
