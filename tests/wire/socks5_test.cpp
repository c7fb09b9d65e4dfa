#include "wire/socks5.h"

#include <gtest/gtest.h>

#include "support/talk.h"
#include "support/vectors.h"

namespace ptproxy {
namespace {

using test::hex;
using test::operator+;
using test::Talk;
using test::text_bytes;

const Bytes request_to_bridge = hex("05010001c633640901bb");
const Endpoint bridge("198.51.100.9", 443);

Talk talk(const Bytes& heard, SocksRequest* request = nullptr, bool allow_method_80 = true) {
  if (request) {
    Socks5Server server(allow_method_80);
    test::talk(server, {heard});
    *request = server.request();
  }
  return test::talk_in_every_slicing([&] { return std::make_unique<Socks5Server>(allow_method_80); }, heard);
}

std::string refused(const std::string& rep) {
  return rep + "0001000000000000";
}

Bytes credentials(std::string_view user, std::string_view password) {
  Bytes frame{0x01, static_cast<Byte>(user.size())};
  frame = frame + text_bytes(user);
  frame.push_back(static_cast<Byte>(password.size()));
  return frame + text_bytes(password);
}

/// The arguments cut as tor cuts them.
Bytes credentials(std::string_view args) {
  using namespace std::string_view_literals;
  return args.size() <= 255 ? credentials(args, "\0"sv) : credentials(args.substr(0, 255), args.substr(255));
}

TEST(Socks5Server, UnderstandsWhatTorSends) {
  const auto vectors = test::read_vectors("socks.json");
  for (const auto& row : vectors.at("tor_socks5_client").as_array()) {
    const auto& recorded = row.as_object();
    if (!recorded.contains("greeting")) continue;
    const bool with_args = recorded.contains("auth");
    Bytes heard = hex(recorded.at("greeting").as_string().c_str());
    if (with_args) heard = heard + hex(recorded.at("auth").as_string().c_str());
    heard = heard + hex(recorded.at("request").as_string().c_str());
    SocksRequest request;
    const auto went = talk(heard, &request);
    EXPECT_TRUE(went.done);
    EXPECT_EQ(to_hex(went.said), with_args ? "05020100" : "0500");
    Args args;
    if (with_args)
      for (const auto& pair : recorded.at("decoded_args").as_array())
        args.add(pair.at(0).as_string().c_str(), pair.at(1).as_string().c_str());
    EXPECT_EQ(request, SocksRequest(SocksVersion::socks5, with_args ? SocksMethod::pt1_arguments : SocksMethod::none,
                                    with_args ? Endpoint("2001:db8::1", 443) : bridge, args));
  }
}

TEST(Socks5Server, PutsArgumentsOfEveryLengthTogether) {
  for (std::size_t length : {3u, 254u, 255u, 256u, 257u, 302u, 510u}) {
    const std::string value(length - 2, 'v');
    SocksRequest request;
    EXPECT_TRUE(talk(hex("05020002") + credentials("k=" + value) + request_to_bridge, &request).done);
    EXPECT_EQ(request.args(), Args().add("k", value)) << length;
  }
}

TEST(Socks5Server, DecodesArgumentsAfterPuttingThemTogether) {
  // The 255th byte is the backslash of `\;`.
  const std::string value(252, 'v');
  SocksRequest request;
  EXPECT_TRUE(talk(hex("050102") + credentials("k=" + value + "\\;w") + request_to_bridge, &request).done);
  EXPECT_EQ(request.args(), Args().add("k", value + ";w"));
}

TEST(Socks5Server, TakesALastNulForFiller) {
  using namespace std::string_view_literals;
  SocksRequest request;
  EXPECT_TRUE(
      talk(hex("050102") + credentials("k=" + std::string(253, 'v'), "\0"sv) + request_to_bridge, &request).done);
  EXPECT_EQ(request.args(), Args().add("k", std::string(253, 'v')));
}

TEST(Socks5Server, PrefersNewerMethodsAmongThoseOffered) {
  const std::vector<std::tuple<std::string, bool, std::string>> table = {
      {"050100", true, "0500"},           {"05020002", true, "0502"},   {"05020200", true, "0502"},
      {"050400028009", true, "0509"},     {"0503000280", true, "0580"}, {"0503000280", false, "0502"},
      {"05020080", false, "0500"},        {"050109", false, "0509"},    {"050180", true, "0580"},
      {"0506fe97010005fd", false, "0500"}};
  for (const auto& [greeting, allow_method_80, answer] : table)
    EXPECT_EQ(to_hex(talk(hex(greeting), nullptr, allow_method_80).said), answer) << greeting;
}

TEST(Socks5Server, NamesNoMethodThatWasNotOffered) {
  for (const auto* greeting : {"0500", "050101", "0503979701"}) {
    const auto went = talk(hex(greeting));
    EXPECT_EQ(went.error, Errc::unsupported);
    EXPECT_EQ(to_hex(went.said), "05ff");
  }
  EXPECT_EQ(to_hex(talk(hex("050180"), nullptr, false).said), "05ff");
}

TEST(Socks5Server, RefusesBadArgumentsInTheWordsOfRfc1929) {
  const std::vector<Bytes> table = {
      hex("02"),           hex("0100"),         hex("01016100"),      credentials("novalue"), credentials("=v"),
      credentials("a=b;"), credentials(";a=b"), credentials("a=b\\"), credentials("a=b;;c=d")};
  for (const auto& frame : table) {
    const auto went = talk(hex("050102") + frame);
    EXPECT_EQ(went.error, Errc::bad_arguments);
    EXPECT_EQ(to_hex(went.said), "05020101") << to_hex(frame);
  }
}

TEST(Socks5Server, ReadsTheThreeKindsOfAddress) {
  const std::vector<std::pair<std::string, Endpoint>> table = {
      {"05010001c633640901bb", bridge},
      {"0501000420010db800000000000000000000000101bb", Endpoint("2001:db8::1", 443)},
      {"0501000309 6c6f63616c686f7374 0050", Endpoint("localhost", 80)},
      {"0501000100000200 0001", Endpoint("0.0.2.0", 1)},
  };
  for (const auto& [bytes, target] : table) {
    SocksRequest request;
    EXPECT_TRUE(talk(hex("050100") + hex(bytes), &request).done);
    EXPECT_EQ(request.target(), target);
  }
  SocksRequest request;
  EXPECT_TRUE(talk(hex("050100") + hex("05010003ff") + Bytes(255, 'n') + hex("0001"), &request).done);
  EXPECT_EQ(request.target().host(), std::string(255, 'n'));
}

TEST(Socks5Server, RefusesRequestsThatItCannotServe) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"0502000100000000 0000", "0507"},
      {"05030001", "0507"},
      {"05f0", "0507"},
      {"05f1", "0507"},
      {"0500", "0507"},
      {"05010101c633640901bb", "0501"},
      {"04", "0501"},
      {"05010005", "0508"},
      {"05010000", "0508"},
      {"0501000300", "0501"},
      {"05010003 03 610062", "0501"},
      {"05010003 03 61 0d0a", "0501"},
      {"05010003 03 612062", "0501"},
  };
  for (const auto& [bytes, rep] : table) {
    const auto went = talk(hex("050100") + hex(bytes));
    EXPECT_EQ(to_hex(went.said), "0500" + refused(rep)) << bytes;
    EXPECT_EQ(reply_for(went.error), static_cast<SocksReply>(hex(rep)[1]));
  }
}

TEST(Socks5Server, LeavesEarlyDataAlone) {
  const auto went = talk(hex("050100") + request_to_bridge + text_bytes("hello"));
  EXPECT_TRUE(went.done);
  EXPECT_EQ(went.left, text_bytes("hello"));
}

TEST(Socks5Server, WaitsForeverWhereBytesAreMissing) {
  const Bytes heard = hex("05020002") + credentials("k=v") + hex("05010003") + hex("0161") + hex("0050");
  for (std::size_t length = 0; length < heard.size(); ++length) {
    Socks5Server server(true);
    const auto went = test::talk(server, {Bytes(heard.begin(), heard.begin() + static_cast<std::ptrdiff_t>(length))});
    EXPECT_FALSE(went.done || went.error) << length;
    EXPECT_TRUE(server.timeout_reply().empty());
  }
}

// Settings as JSON.

Bytes with_length(std::string_view json, bool big_endian = true) {
  const auto size = static_cast<std::uint32_t>(json.size());
  Bytes block;
  for (int i = 0; i < 4; ++i) block.push_back(static_cast<Byte>(size >> 8 * (big_endian ? 3 - i : i)));
  return block + text_bytes(json);
}

TEST(Socks5Server, ReadsTheSpecificationsExampleOfMethod09) {
  const auto example = test::read_vectors("socks.json").at("json_block_0x09").as_object();
  SocksRequest request;
  const auto went = talk(hex(example.at("greeting").as_string().c_str()) +
                             hex(example.at("block").as_string().c_str()) + request_to_bridge,
                         &request);
  EXPECT_TRUE(went.done);
  EXPECT_EQ(to_hex(went.said), example.at("method").as_string().c_str());
  EXPECT_EQ(request.args(), Args().add("shared-secret", "rahasia").add("secrets-file", "/tmp/blob"));
  EXPECT_TRUE(request.settings_by_pt2());
}

TEST(Socks5Server, ReadsAllThreeFramingsOfMethod80) {
  const std::string json = R"({"a": "}\"{", "b": ["x", 2]})";
  const Args args = Args().add("a", "}\"{").add("b", "x").add("b", "2");
  for (const auto& block : {with_length(json), with_length(json, false), text_bytes(json)}) {
    SocksRequest request;
    const auto went = talk(hex("05020280") + block + request_to_bridge + text_bytes("early"), &request);
    EXPECT_EQ(request, SocksRequest(SocksVersion::socks5, SocksMethod::json_draft, bridge, args)) << to_hex(block);
    EXPECT_EQ(to_hex(went.said), "0580");
    EXPECT_EQ(went.left, text_bytes("early"));
  }
}

TEST(Socks5Server, KnowsEveryBeginningOfBareJson) {
  for (const auto* json : {"{}", "{ }", "{\t}", "{\r}", "{\n}", "{\"\\\\\":\"\\\"\"}"}) {
    EXPECT_TRUE(talk(hex("050180") + text_bytes(json) + request_to_bridge).done) << json;
  }
}

TEST(Socks5Server, RefusesWhatIsNoJsonObject) {
  const std::string nine_deep = R"({"a":)" + std::string(8, '[') + std::string(8, ']') + "}";
  for (const std::string& json :
       {std::string("[]"), std::string("1"), std::string("{"), std::string("{\"a\":\"\xff\"}"), std::string("{} x"),
        std::string("{}{}"), std::string("{\"a\":1,}"), nine_deep}) {
    const auto went = talk(hex("050109") + with_length(json));
    EXPECT_EQ(to_hex(went.said), "0509" + refused("0512")) << json;
    EXPECT_EQ(went.error, SocksReply::settings_malformed);
  }
  for (const std::string& json :
       {std::string("{\"a\":]"), std::string("{ \"a\" }"), std::string("{\"\xff\":1}"), nine_deep})
    EXPECT_EQ(to_hex(talk(hex("050180") + text_bytes(json)).said), "0580" + refused("0512")) << json;
  for (const auto* start : {"00000000", "39000001", "7b61626364", "05010001"})
    EXPECT_EQ(to_hex(talk(hex("050180") + hex(start)).said), "0580" + refused("0512")) << start;
  EXPECT_EQ(to_hex(talk(hex("050109") + hex("00000000")).said), "0509" + refused("0512"));
}

TEST(Socks5Server, RefusesSettingsThatAreNoArguments) {
  const std::string eight_deep = R"({"a":)" + std::string(7, '[') + std::string(7, ']') + "}";
  for (const std::string& json :
       {std::string(R"({"a":{}})"), std::string(R"({"a":[[1]]})"), std::string(R"({"":1})"), eight_deep}) {
    EXPECT_EQ(to_hex(talk(hex("050109") + with_length(json)).said), "0509" + refused("0513")) << json;
    EXPECT_EQ(to_hex(talk(hex("050180") + text_bytes(json)).said), "0580" + refused("0513")) << json;
  }
}

TEST(Socks5Server, RefusesALongBlockAtOnce) {
  for (const auto* length : {"00010001", "ffffffff", "7fffffff"}) {
    const auto went = talk(hex("050109") + hex(length));
    EXPECT_EQ(to_hex(went.said), "0509" + refused("0510"));
    EXPECT_EQ(went.error, SocksReply::settings_too_long);
  }
  EXPECT_EQ(to_hex(talk(hex("050180") + hex("00ffffff")).said), "0580" + refused("0510"));
}

std::string object_of(std::size_t size) {
  return R"({"a":")" + std::string(size - 8, 'v') + R"("})";
}

TEST(Socks5Server, TakesBlocksUpToTheLimit) {
  SocksRequest request;
  EXPECT_TRUE(talk(hex("050109") + with_length(object_of(65536)) + request_to_bridge, &request).done);
  EXPECT_EQ(request.args().find("a")->size(), 65528u);
  EXPECT_TRUE(talk(hex("050180") + text_bytes(object_of(65536)) + request_to_bridge).done);
  EXPECT_EQ(to_hex(talk(hex("050180") + text_bytes(object_of(65537))).said), "0580" + refused("0510"));
}

TEST(Socks5Server, TellsAClientThatItsSettingsAreLate) {
  for (const auto* heard : {"050109", "05010900000002", "050109000000027b", "050180", "0501807b22"}) {
    Socks5Server server(true);
    EXPECT_FALSE(test::talk(server, {hex(heard)}).error);
    EXPECT_EQ(to_hex(server.timeout_reply()), refused("0511"));
  }
  Socks5Server server(true);
  test::talk(server, {hex("050180") + text_bytes("{}")});
  EXPECT_TRUE(server.timeout_reply().empty());
}

}  // namespace
}  // namespace ptproxy
