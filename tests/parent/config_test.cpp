#include "parent/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptproxy {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class ConfigTest : public ::testing::Test {
 protected:
  Checked<Config> make() { return make_config(read_environment(environment), flags, Version{}, options_file); }
  Config made() {
    auto config = make();
    EXPECT_TRUE(config) << config.error().text();
    return config ? *config : Config();
  }
  std::string refusal() {
    auto config = make();
    return config ? "" : config.error().text();
  }
  void be_client() { environment["TOR_PT_CLIENT_TRANSPORTS"] = "obfs4"; }
  void be_server() {
    environment["TOR_PT_SERVER_TRANSPORTS"] = "obfs4";
    environment["TOR_PT_ORPORT"] = "127.0.0.1:9001";
  }
  Environment environment;
  Settings flags;
  std::optional<std::string> options_file;
};

std::string version_of(const std::string& list) {
  auto version = choose_version({{"version", list}}, true);
  EXPECT_TRUE(version);
  return version && *version ? (*version)->token : "none";
}

TEST(ChooseVersion, PrefersTwoAndEchoesTheToken) {
  EXPECT_EQ(version_of("1,2"), "2");
  EXPECT_EQ(version_of("1,1a,2,this_is_a_valid_version"), "2");
  EXPECT_EQ(version_of("2.1,2"), "2.1");
  EXPECT_EQ(version_of("2.0"), "2.0");
  EXPECT_EQ(version_of("1"), "1");
  EXPECT_EQ(version_of("1.0,banana"), "1.0");
}

TEST(ChooseVersion, FindsNoneInOthers) {
  for (const auto* list : {"3", "1a", " 2", "2 ", ",", "banana", "02", "2.00"})
    EXPECT_EQ(version_of(list), "none") << list;
}

TEST(ChooseVersion, AssumesTwoForAPersonOnly) {
  EXPECT_EQ((*choose_version({}, false))->token, "2");
  EXPECT_FALSE(choose_version({}, true));
}

TEST_F(ConfigTest, SendsMessagesThroughFilesUnderVersion1OrWhereAsked) {
  be_client();
  EXPECT_FALSE(made().signal_files);
  flags["signals"] = "files";
  EXPECT_TRUE(made().signal_files);
  flags["signals"] = "lines";
  EXPECT_FALSE(made().signal_files);
  EXPECT_FALSE(make_config(read_environment(environment), flags, Version{1, "1"}, {}));
  flags["signals"] = "pigeons";
  EXPECT_THAT(refusal(), HasSubstr("-signals: not one of lines, files"));
  flags.erase("signals");
  EXPECT_TRUE(make_config(read_environment(environment), flags, Version{1, "1"}, {})->signal_files);
}

TEST_F(ConfigTest, GeneratesForAServerWhoseServerAppNeedNotBeKnown) {
  flags["genconfig"] = "1";
  flags["transports"] = "obfs4";
  EXPECT_TRUE(made().generate);
  EXPECT_EQ(made().role, Role::server);
  flags["client"] = "1";
  EXPECT_THAT(refusal(), HasSubstr("-genconfig is for a server"));
}

TEST_F(ConfigTest, TakesTheRoleFromTheTransportsVariable) {
  be_client();
  EXPECT_EQ(made().role, Role::client);
  environment.clear();
  be_server();
  EXPECT_EQ(made().role, Role::server);
}

TEST_F(ConfigTest, RefusesBothRoles) {
  be_client();
  be_server();
  EXPECT_THAT(refusal(), HasSubstr("both set"));
  flags = {{"client", "1"}, {"server", "1"}};
  EXPECT_THAT(refusal(), HasSubstr("only one"));
}

TEST_F(ConfigTest, LetsARoleFlagChooseBetweenTheVariables) {
  be_client();
  be_server();
  flags = {{"client", "1"}};
  EXPECT_EQ(made().role, Role::client);
  flags = {{"server", "1"}};
  EXPECT_EQ(made().role, Role::server);
}

TEST_F(ConfigTest, GuessesTheRoleOfFlagsAlone) {
  flags = {{"transports", "dummy"}};
  EXPECT_EQ(made().role, Role::client);
  flags = {{"transports", "dummy"}, {"orport", "127.0.0.1:1"}};
  EXPECT_EQ(made().role, Role::server);
  flags = {{"transports", "dummy"}, {"bindaddr", "dummy-127.0.0.1:0"}};
  EXPECT_THAT(refusal(), HasSubstr("no Server App"));  // so it is a server
}

TEST_F(ConfigTest, NamesBothVariablesWhenThereAreNoTransports) {
  EXPECT_THAT(refusal(), HasSubstr("TOR_PT_CLIENT_TRANSPORTS or TOR_PT_SERVER_TRANSPORTS"));
}

TEST_F(ConfigTest, KeepsEachWellFormedTransportOnce) {
  environment["TOR_PT_CLIENT_TRANSPORTS"] = "obfs4,,dummy,obfs4,9bad,has-dash,_ok9";
  EXPECT_THAT(made().transports, ElementsAre("obfs4", "dummy", "_ok9"));
}

TEST_F(ConfigTest, LetsAFlagWinOverItsVariable) {
  be_server();
  environment["TOR_PT_STATE_LOCATION"] = "/from/environment";
  flags = {{"state", "/from/flag"}, {"transports", "dummy"}};
  EXPECT_EQ(made().state_directory, "/from/flag");
  EXPECT_THAT(made().transports, ElementsAre("dummy"));
}

TEST_F(ConfigTest, TurnsOnStdinCloseWithTheTextOneOnly) {
  be_client();
  for (const auto* value : {"0", "true", "yes", "11", ""}) {
    environment["TOR_PT_EXIT_ON_STDIN_CLOSE"] = value;
    EXPECT_FALSE(made().exit_on_stdin_close) << value;
  }
  environment["TOR_PT_EXIT_ON_STDIN_CLOSE"] = "1";
  EXPECT_TRUE(made().exit_on_stdin_close);
  flags = {{"exit-on-stdin-close", "0"}};
  EXPECT_FALSE(made().exit_on_stdin_close);
}

TEST_F(ConfigTest, ReadsBindAddresses) {
  be_server();
  environment["TOR_PT_SERVER_BINDADDR"] = "obfs4-198.51.100.1:1984,other-[::1]:0";
  const auto config = made();
  EXPECT_THAT(config.bindaddrs,
              ElementsAre(Pair("obfs4", Endpoint("198.51.100.1", 1984)), Pair("other", Endpoint("::1", 0))));
}

TEST_F(ConfigTest, RefusesMalformedBindAddresses) {
  be_server();
  for (const auto* value :
       {"obfs4", "obfs4-", "obfs4-127.0.0.1", "obfs4-127.0.0.1:70000", "obfs4-localhost:1", "-127.0.0.1:1",
        "obfs4-127.0.0.1:1,obfs4-127.0.0.1:2", "obfs4-127.0.0.1:1,", "obfs4-[::1:1", "obfs4-127.0.0.1:x"}) {
    environment["TOR_PT_SERVER_BINDADDR"] = value;
    EXPECT_THAT(refusal(), HasSubstr("TOR_PT_SERVER_BINDADDR")) << value;
  }
}

TEST_F(ConfigTest, NamesTheFlagWhenTheFlagIsAtFault) {
  be_server();
  flags = {{"bindaddr", "nonsense"}};
  EXPECT_THAT(refusal(), HasSubstr("-bindaddr"));
}

TEST_F(ConfigTest, NeedsAServerApp) {
  environment["TOR_PT_SERVER_TRANSPORTS"] = "obfs4";
  EXPECT_THAT(refusal(), HasSubstr("no Server App"));
  for (const auto* value : {"127.0.0.1", "127.0.0.1:0", ":9001", "127.0.0.1:99999"}) {
    environment["TOR_PT_ORPORT"] = value;
    EXPECT_THAT(refusal(), HasSubstr("TOR_PT_ORPORT")) << value;
  }
}

TEST_F(ConfigTest, NeedsACookieForTheExtendedOrPort) {
  be_server();
  environment["TOR_PT_EXTENDED_SERVER_PORT"] = "127.0.0.1:4200";
  EXPECT_THAT(refusal(), HasSubstr("TOR_PT_AUTH_COOKIE_FILE"));
  environment["TOR_PT_AUTH_COOKIE_FILE"] = "relative";
  EXPECT_THAT(refusal(), HasSubstr("not an absolute path"));
  environment["TOR_PT_AUTH_COOKIE_FILE"] = "/cookie";
  EXPECT_EQ(made().ext_orport, Endpoint("127.0.0.1", 4200));
}

TEST_F(ConfigTest, TakesAnEmptyVariableAsUnset) {
  be_server();
  environment["TOR_PT_EXTENDED_SERVER_PORT"] = "";
  environment["TOR_PT_STATE_LOCATION"] = "";
  EXPECT_FALSE(made().ext_orport);
  EXPECT_TRUE(made().state_directory.empty());
}

TEST_F(ConfigTest, RefusesARelativeStateDirectory) {
  be_client();
  environment["TOR_PT_STATE_LOCATION"] = "=/var/lib/tor/pt_state/";
  EXPECT_THAT(refusal(), HasSubstr("TOR_PT_STATE_LOCATION"));
}

TEST_F(ConfigTest, ReadsModesAndTheirShorthands) {
  be_client();
  flags = {{"mode", "TRANSPARENT-tcp"}, {"target", "bridge.example:443"}};
  EXPECT_EQ(made().mode, Mode::transparent_tcp);
  EXPECT_EQ(made().target, Endpoint("bridge.example", 443));
  flags = {{"transparent", "1"}};
  EXPECT_EQ(made().mode, Mode::transparent_tcp);
  flags = {{"mode", "socks4"}};
  EXPECT_EQ(made().mode, Mode::socks4);
  flags = {{"mode", "socks6"}};
  EXPECT_THAT(refusal(), HasSubstr("-mode"));
  flags = {{"mode", "socks5"}, {"transparent", "1"}};
  EXPECT_THAT(refusal(), HasSubstr("-mode"));
}

TEST_F(ConfigTest, ReadsTheUdpModesOnBothSides) {
  be_client();
  flags = {{"target", "192.0.2.1:443"}};
  for (const auto& [name, mode] :
       std::map<std::string, Mode>{{"transparent-UDP", Mode::transparent_udp}, {"stun", Mode::stun}}) {
    flags["mode"] = name;
    EXPECT_EQ(made().mode, mode) << name;
    EXPECT_TRUE(made().is_udp());
  }
  flags = {{"udp", "1"}, {"target", "192.0.2.1:443"}};
  EXPECT_EQ(made().mode, Mode::stun);
  flags["transparent"] = "1";
  EXPECT_EQ(made().mode, Mode::transparent_udp);
  environment.clear();
  be_server();
  flags.erase("target");
  EXPECT_EQ(made().mode, Mode::transparent_udp);
}

TEST_F(ConfigTest, KeepsTheExtendedOrPortOutOfTheUdpModes) {
  be_server();
  environment["TOR_PT_EXTENDED_SERVER_PORT"] = "127.0.0.1:4200";
  environment["TOR_PT_AUTH_COOKIE_FILE"] = "/cookie";
  flags = {{"mode", "transparent-UDP"}};
  EXPECT_THAT(refusal(), AllOf(HasSubstr("TOR_PT_EXTENDED_SERVER_PORT"), HasSubstr("UDP mode")));
}

TEST_F(ConfigTest, BoundsUdpFlows) {
  be_client();
  EXPECT_EQ(made().udp_timeout, std::chrono::seconds(300));
  EXPECT_EQ(made().udp_flows, 4096u);
  EXPECT_EQ(made().udp_queue, 0u);
  flags = {{"udp-timeout", "60"}, {"udp-flows", "7"}, {"udp-queue", "2"}};
  EXPECT_EQ(made().udp_queue, 2u);
  EXPECT_EQ(made().udp_timeout, std::chrono::seconds(60));
  EXPECT_EQ(made().udp_flows, 7u);
  for (const auto* value : {"0", "-1", "x", "1.5", "99999999999"}) {
    flags = {{"udp-timeout", value}};
    EXPECT_THAT(refusal(), HasSubstr("-udp-timeout")) << value;
    flags = {{"udp-flows", value}};
    EXPECT_THAT(refusal(), HasSubstr("-udp-flows")) << value;
  }
  for (const auto* value : {"-1", "x", "17"}) {
    flags = {{"udp-queue", value}};
    EXPECT_THAT(refusal(), HasSubstr("-udp-queue")) << value;
  }
}

TEST_F(ConfigTest, RefusesATargetBesideSocks) {
  be_client();
  flags = {{"target", "192.0.2.1:443"}};
  EXPECT_THAT(refusal(), HasSubstr("-target"));
}

TEST_F(ConfigTest, TakesTargetForOrportOnAServer) {
  environment["TOR_PT_SERVER_TRANSPORTS"] = "obfs4";
  flags = {{"target", "127.0.0.1:80"}};
  EXPECT_EQ(made().orport, Endpoint("127.0.0.1", 80));
  flags["orport"] = "127.0.0.1:81";
  EXPECT_THAT(refusal(), HasSubstr("only one"));
}

TEST_F(ConfigTest, RefusesFlagsOfTheOtherRole) {
  be_client();
  for (const auto* flag : {"bindaddr", "orport", "extorport", "authcookie"}) {
    flags = {{flag, "x-127.0.0.1:1"}, {"client", "1"}};
    EXPECT_THAT(refusal(), HasSubstr("is for a server")) << flag;
  }
  environment.clear();
  be_server();
  flags = {{"proxylistenaddr", "127.0.0.1:1"}};
  EXPECT_THAT(refusal(), HasSubstr("is for a client"));
}

TEST_F(ConfigTest, SortsServerOptionsByTransport) {
  be_server();
  environment["TOR_PT_SERVER_TRANSPORT_OPTIONS"] = "scramblesuit:key=banana;automata:rule=110;automata:depth=3";
  const auto config = made();
  EXPECT_EQ(config.options_of("scramblesuit"), Args().add("key", "banana"));
  EXPECT_EQ(config.options_of("automata"), Args().add("rule", "110").add("depth", "3"));
  EXPECT_TRUE(config.options_of("obfs4").empty());
}

TEST_F(ConfigTest, RefusesMalformedOptions) {
  be_server();
  for (const auto* value :
       {"obfs4", "obfs4:key", ":k=v", "obfs4:=v", "obfs4:k=v;", "obfs4:k=v\\", "{\"obfs4\":1}", "{"}) {
    environment["TOR_PT_SERVER_TRANSPORT_OPTIONS"] = value;
    EXPECT_THAT(refusal(), HasSubstr("TOR_PT_SERVER_TRANSPORT_OPTIONS")) << value;
  }
}

TEST_F(ConfigTest, ReadsClientOptionsInThreeForms) {
  be_client();
  const auto expected = Args().add("cert", "abc").add("iat-mode", "0");
  for (const auto* text : {"cert=abc;iat-mode=0", "obfs4:cert=abc;obfs4:iat-mode=0", R"({"cert":"abc","iat-mode":0})",
                           R"({"obfs4":{"cert":"abc","iat-mode":"0"}})"}) {
    flags = {{"options", text}};
    EXPECT_EQ(made().options_of("obfs4"), expected) << text;
  }
}

TEST_F(ConfigTest, ReadsOptionsFromAFileButNotTwice) {
  be_client();
  options_file = "cert=abc;iat-mode=0\n";
  flags = {{"optionsFile", "named"}};
  EXPECT_EQ(made().options_of("obfs4"), Args().add("cert", "abc").add("iat-mode", "0"));
  flags["options"] = "a=b";
  EXPECT_THAT(refusal(), HasSubstr("only one"));
}

TEST_F(ConfigTest, ReadsTimeouts) {
  be_client();
  flags = {{"drain-timeout", "7"}};
  EXPECT_EQ(made().drain_timeout, std::chrono::seconds(7));
  for (const auto* value : {"-1", "x", "1s", "99999999999"}) {
    flags = {{"drain-timeout", value}};
    EXPECT_THAT(refusal(), HasSubstr("-drain-timeout")) << value;
  }
}

}  // namespace
}  // namespace ptproxy
