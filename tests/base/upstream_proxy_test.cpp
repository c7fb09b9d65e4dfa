#include <ptproxy/upstream_proxy.h>

#include <gtest/gtest.h>

namespace ptproxy {
namespace {

using Kind = UpstreamProxy::Kind;
const Endpoint address("127.0.0.1", 8001);

std::string long_text(std::size_t size) {
  return std::string(size, 'x');
}

TEST(UpstreamProxy, IsReadFromItsUri) {
  const std::vector<std::pair<std::string, UpstreamProxy>> table = {
      {"socks5://127.0.0.1:8001", {Kind::socks5, address}},
      {"SOCKS5://127.0.0.1:8001", {Kind::socks5, address}},
      {"Http://127.0.0.1:8001", {Kind::http, address}},
      {"socks4a://127.0.0.1:8001", {Kind::socks4a, address}},
      {"http://[::1]:1", {Kind::http, Endpoint("::1", 1)}},
      {"http://127.0.0.1:65535", {Kind::http, Endpoint("127.0.0.1", 65535)}},
      {"socks5://u:p@127.0.0.1:8001", {Kind::socks5, address, "u", "p"}},
      {"socks5://u:p:q@127.0.0.1:8001", {Kind::socks5, address, "u", "p:q"}},
      // As tor pastes `us:er@x` and `pa/s%s:w`.
      {"socks5://us:er@x:pa/s%s:w@127.0.0.1:8001", {Kind::socks5, address, "us", "er@x:pa/s%s:w"}},
      {"socks5://%41:%3a%40%2F@127.0.0.1:8001", {Kind::socks5, address, "A", ":@/"}},
      {"socks5://%41:100%@127.0.0.1:8001", {Kind::socks5, address, "%41", "100%"}},
      {"socks5://%41:%4@127.0.0.1:8001", {Kind::socks5, address, "%41", "%4"}},
      {"socks5://a?b:c#d@127.0.0.1:8001", {Kind::socks5, address, "a?b", "c#d"}},
      {"socks5://" + long_text(255) + ":" + long_text(255) + "@127.0.0.1:8001",
       {Kind::socks5, address, long_text(255), long_text(255)}},
      {"socks4a://u@127.0.0.1:8001", {Kind::socks4a, address, "u"}},
      {"socks4a://@127.0.0.1:8001", {Kind::socks4a, address, ""}},
      {"socks4a://" + long_text(255) + "@127.0.0.1:8001", {Kind::socks4a, address, long_text(255)}},
      {"http://u@127.0.0.1:8001", {Kind::http, address, "u"}},
      {"http://:@127.0.0.1:8001", {Kind::http, address, "", ""}},
      {"http://u:p@127.0.0.1:8001", {Kind::http, address, "u", "p"}},
      {"http://" + long_text(300) + ":p@127.0.0.1:8001", {Kind::http, address, long_text(300), "p"}},
  };
  for (const auto& [uri, proxy] : table) {
    const auto parsed = parse_upstream_proxy(uri);
    ASSERT_TRUE(parsed) << uri << ": " << parsed.error().text();
    EXPECT_EQ(*parsed, proxy) << uri;
  }
}

TEST(UpstreamProxy, IsRefusedWithAReason) {
  const std::vector<std::string> table = {
      "",
      "127.0.0.1:1",
      "socks5:127.0.0.1:1",
      "://127.0.0.1:1",
      " socks5://127.0.0.1:1",
      "socks5 ://127.0.0.1:1",
      "https://127.0.0.1:1",
      "socks4://127.0.0.1:1",
      "socks5h://127.0.0.1:1",
      "socks5://proxy.example:1",
      "socks5://localhost:1",
      "socks5://127.0.0.1:1/",
      "socks5://127.0.0.1:1?q",
      "socks5://127.0.0.1:1#f",
      "socks5://127.0.0.1:1 ",
      "socks5://127.0.0.1:0",
      "socks5://127.0.0.1:65536",
      "socks5://127.0.0.1:-1",
      "socks5://127.0.0.1:",
      "socks5://127.0.0.1",
      "socks5://:1",
      "socks5://",
      "socks5://::1:1",
      "socks5://[::1]",
      "socks5://[fe80::1%25eth0]:1",
      "socks5://[127.0.0.1]:1",
      "socks5://[u:p@127.0.0.1]:1",
      "socks5://u@127.0.0.1:1",
      "socks5://u:@127.0.0.1:1",
      "socks5://:p@127.0.0.1:1",
      "socks5://@127.0.0.1:1",
      "socks5://" + long_text(256) + ":p@127.0.0.1:1",
      "socks5://u:" + long_text(256) + "@127.0.0.1:1",
      "socks5://u%00:p@127.0.0.1:1",
      "socks4a://u:p@127.0.0.1:1",
      "socks4a://u:@127.0.0.1:1",
      "socks4a://u%00@127.0.0.1:1",
      "socks4a://" + long_text(256) + "@127.0.0.1:1",
      "http://u%3Ax:p@127.0.0.1:1",
      "http://u%0D:p@127.0.0.1:1",
      "http://u:p%0a@127.0.0.1:1",
      "http://u:p%00@127.0.0.1:1",
  };
  for (const auto& uri : table) {
    const auto parsed = parse_upstream_proxy(uri);
    ASSERT_FALSE(parsed) << uri;
    EXPECT_FALSE(parsed.error().text().empty());
  }
}

TEST(UpstreamProxy, IsRefusedWithoutRepeatingSecrets) {
  for (const auto* uri : {"socks5://hunter2@127.0.0.1:1", "socks4a://u:hunter2@127.0.0.1:1",
                          "http://u:hunter2@10.9.8.7:0", "hunter2://127.0.0.1:1", "http://u:hunter2@hunter2:1"}) {
    const auto parsed = parse_upstream_proxy(uri);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().text().find("hunter2"), std::string::npos);
    EXPECT_EQ(parsed.error().text().find("10.9.8.7"), std::string::npos);
  }
}

}  // namespace
}  // namespace ptproxy
