#include "parent/flags.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptproxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

Settings settings_of(const std::vector<std::string>& words) {
  auto line = parse_flags(words);
  EXPECT_TRUE(line) << line.error().text();
  return line ? line->settings : Settings();
}

std::string refusal_of(const std::vector<std::string>& words) {
  auto line = parse_flags(words);
  return line ? "" : line.error().text();
}

TEST(Flags, AreWrittenInFourWays) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"-state", "/s"}, {"-state=/s"}, {"--state", "/s"}, {"--state=/s"}})
    EXPECT_THAT(settings_of(words), ElementsAre(Pair("state", "/s")));
}

TEST(Flags, ThatAreBooleanNeverTakeTheNextWord) {
  EXPECT_THAT(settings_of({"-client", "-transports", "dummy"}),
              UnorderedElementsAre(Pair("client", "1"), Pair("transports", "dummy")));
  EXPECT_THAT(settings_of({"-exit-on-stdin-close=0"}), ElementsAre(Pair("exit-on-stdin-close", "0")));
  EXPECT_THAT(settings_of({"-exit-on-stdin-close=true"}), ElementsAre(Pair("exit-on-stdin-close", "1")));
  EXPECT_THAT(refusal_of({"-client", "dummy"}), HasSubstr("belongs to no flag"));
  EXPECT_THAT(refusal_of({"-client=perhaps"}), HasSubstr("-client takes true or false"));
}

TEST(Flags, VersionAloneAsksForOurs) {
  EXPECT_TRUE(parse_flags({"-version"})->wants_version);
  EXPECT_TRUE(parse_flags({"--version"})->wants_version);
  EXPECT_TRUE(parse_flags({"-version", "-client"})->wants_version);
  EXPECT_FALSE(parse_flags({"-version", "2"})->wants_version);
  EXPECT_THAT(settings_of({"-version", "1,2"}), ElementsAre(Pair("version", "1,2")));
  EXPECT_THAT(settings_of({"-ptversion", "2"}), ElementsAre(Pair("version", "2")));
  EXPECT_THAT(settings_of({"-version=1"}), ElementsAre(Pair("version", "1")));
}

TEST(Flags, UnknownOnesAreNamed) {
  EXPECT_THAT(refusal_of({"-nonsense"}), HasSubstr("unknown flag -nonsense"));
  EXPECT_THAT(refusal_of({"--nonsense=3"}), HasSubstr("unknown flag -nonsense"));
  EXPECT_THAT(refusal_of({"-transport", "x"}), HasSubstr("unknown flag -transport"));  // no guessing
  EXPECT_THAT(refusal_of({"stray"}), HasSubstr("belongs to no flag"));
}

TEST(Flags, ThatLackTheirValueAreNamed) {
  EXPECT_THAT(refusal_of({"-state"}), HasSubstr("-state needs a value"));
  EXPECT_THAT(refusal_of({"-transports", "-client"}), HasSubstr("-transports needs a value"));
}

TEST(Flags, ValuesMayHoldEqualsSigns) {
  EXPECT_THAT(settings_of({"-options", "obfs4:cert=a=b"}), ElementsAre(Pair("options", "obfs4:cert=a=b")));
  EXPECT_THAT(settings_of({"-options=k=v;w=x"}), ElementsAre(Pair("options", "k=v;w=x")));
}

TEST(Flags, EmptyValuesCountAsUnset) {
  EXPECT_TRUE(settings_of({"-extorport="}).empty());
}

TEST(Flags, AllStandInTheUsageText) {
  const auto text = usage();
  for (const auto& parameter : parameters()) EXPECT_THAT(text, HasSubstr(fmt::format("-{} ", parameter.flag)));
}

}  // namespace
}  // namespace ptproxy
