#include "parent/line_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptproxy {
namespace {

using ::testing::ElementsAre;

class LineProtocolTest : public ::testing::Test {
 protected:
  LineProtocol speaker(int major) {
    return {major, [this](std::string_view line) { out.emplace_back(line); },
            [this](std::string_view line) { err.emplace_back(line); }};
  }
  std::vector<std::string> out, err;
};

TEST_F(LineProtocolTest, SpeaksToAClientsParent) {
  const auto parent = speaker(2);
  parent.version(Version{2, "2.1"});
  parent.proxy_done();
  parent.client_method("trebuchet", "socks5", Endpoint("127.0.0.1", 19999));
  parent.client_methods_done();
  EXPECT_THAT(out, ElementsAre("VERSION 2.1\n", "PROXY DONE\n", "CMETHOD trebuchet socks5 127.0.0.1:19999\n",
                               "CMETHODS DONE\n"));
  EXPECT_TRUE(err.empty());
}

TEST_F(LineProtocolTest, SpeaksToAServersParent) {
  const auto parent = speaker(2);
  parent.server_method("trebuchet", Endpoint("::1", 19999), {});
  parent.server_method("rot_by_N", Endpoint("198.51.100.1", 2323), Args().add("N", "13").add("a,b", "c=d\\e"));
  parent.server_methods_done();
  EXPECT_THAT(out, ElementsAre("SMETHOD trebuchet [::1]:19999\n",
                               "SMETHOD rot_by_N 198.51.100.1:2323 ARGS:N=13,a\\,b=c\\=d\\\\e\n", "SMETHODS DONE\n"));
}

TEST_F(LineProtocolTest, TellsErrorsWhereTheVersionSays) {
  for (int major : {1, 2}) {
    out.clear();
    err.clear();
    const auto parent = speaker(major);
    parent.version_error();
    parent.env_error("why");
    parent.proxy_error("why");
    parent.client_method_error("x", "why");
    parent.server_method_error("x", "why");
    EXPECT_THAT(major == 1 ? out : err,
                ElementsAre("VERSION-ERROR no-version\n", "ENV-ERROR why\n", "PROXY-ERROR why\n",
                            "CMETHOD-ERROR x why\n", "SMETHOD-ERROR x why\n"));
    EXPECT_TRUE((major == 1 ? err : out).empty());
  }
}

TEST_F(LineProtocolTest, LetsNoControlCharactersIn) {
  speaker(1).env_error("two\nlines\r\t\x7f and \xc3\xa9");
  EXPECT_THAT(out, ElementsAre("ENV-ERROR two?lines??? and ??\n"));
}

TEST_F(LineProtocolTest, KeepsLinesWithinWhatAPipeTakesWhole) {
  speaker(1).env_error(std::string(10000, 'x'));
  EXPECT_EQ(out.front().size(), 4096u);
  EXPECT_EQ(out.front().back(), '\n');
  const auto line = LineProtocol::log_line(log::Level::warning, std::string(10000, '"'));
  EXPECT_LE(line.size(), 4096u);
  EXPECT_TRUE(line.ends_with("\\042\"\n"));
}

TEST_F(LineProtocolTest, EscapesLogMessagesAsTorReadsThem) {
  EXPECT_EQ(LineProtocol::log_line(log::Level::notice, "a \"b\" \\ \n\xff"),
            "LOG SEVERITY=notice MESSAGE=\"a \\042b\\042 \\134 \\012\\377\"\n");
}

TEST_F(LineProtocolTest, TellsTheProgramsVersion) {
  speaker(1).status_version();
  EXPECT_THAT(out, ElementsAre("STATUS TYPE=version IMPLEMENTATION=ptproxy VERSION=\"" PTPROXY_VERSION "\"\n"));
}

}  // namespace
}  // namespace ptproxy
