#include "parent/signal_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptproxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string payload = R"({"t":"client-key","fp":"SHA256:abc"})";
const SignalLine to_server(SignalDirection::to_server, "ssh", payload);

error_code fault(const std::string& line, SignalDirection direction = SignalDirection::to_server) {
  auto parsed = parse_signal_line(line, direction);
  return parsed ? error_code() : parsed.error();
}

TEST(SignalLines, CarryTransportIdAndPayload) {
  // The id by hand: printf '%s' 'CMESSAGE ssh {"t":"client-key","fp":"SHA256:abc"}' | sha256sum | cut -c 1-16
  EXPECT_EQ(to_server.to_string(), "CMESSAGE ssh c5044fa4807a7bbc " + payload);
  EXPECT_EQ(*parse_signal_line(to_server.to_string(), SignalDirection::to_server), to_server);
  const SignalLine back(SignalDirection::to_client, "ssh", payload);
  EXPECT_THAT(back.to_string(), ::testing::StartsWith("SMESSAGE ssh "));
  EXPECT_NE(back.id(), to_server.id());
  EXPECT_EQ(*parse_signal_line(back.to_string(), SignalDirection::to_client), back);
}

TEST(SignalLines, SurviveWhatMailProgramsDoAroundThem) {
  for (const auto* around : {"%\r", "  %  ", "%\r\n", " \r%\r "}) {
    std::string line = around;
    line.replace(line.find('%'), 1, to_server.to_string());
    EXPECT_EQ(*parse_signal_line(line, SignalDirection::to_server), to_server) << around;
  }
}

TEST(SignalLines, AreRefusedWhenAnyByteInThemChanged) {
  const auto line = to_server.to_string();
  for (std::size_t i = line.find(' ') + 1; i < line.size(); ++i) {
    auto changed = line;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    EXPECT_EQ(fault(changed), Errc::bad_message) << changed;
  }
  for (std::size_t length = line.find(' ') + 1; length < line.size(); ++length)
    EXPECT_EQ(fault(line.substr(0, length)), Errc::bad_message);
  auto wider = line;
  wider.replace(wider.find(' '), 1, "  ");
  EXPECT_EQ(fault(wider), Errc::bad_message) << "runs of spaces inside are not touched";
}

TEST(SignalLines, OfTheOtherDirectionOrNoneAreTold) {
  EXPECT_EQ(fault(to_server.to_string(), SignalDirection::to_client), Errc::forbidden);
  EXPECT_EQ(fault("SMESSAGE"), Errc::forbidden);
  for (const auto* line : {"HELLO ssh", "cmessage ssh", "", " ", "CMESSAGES x"})
    EXPECT_EQ(fault(line), Errc::unsupported) << line;
  EXPECT_EQ(fault("CMESSAGE"), Errc::bad_message);
  EXPECT_EQ(fault(std::string(4096, 'x')), Errc::too_long);
}

TEST(SignalLines, CarryOnlyWhatTheGrammarAllowsEvenUnderARightId) {
  for (const std::string bad :
       {"", "text", "[1]", "{", R"({"fp":"no kind"})", "{\"t\":\"tab\t\"}", "{\"t\":\"\xc3\xa4\"}", R"({"t":"\q"})",
        R"({"t":"\u12"})", R"({"t":"\ud800"})", R"({"t":"x)", R"({"t":"x"} {})"}) {
    EXPECT_FALSE(check_payload(bad)) << bad;
    EXPECT_EQ(fault(SignalLine(SignalDirection::to_server, "ssh", bad).to_string()), Errc::bad_message) << bad;
  }
  for (const std::string good : {R"({"t":"x"})", R"({"t":"x","v":2,"more":{"deep":[1]}})", R"({"t":"\u00e4"})"})
    EXPECT_TRUE(check_payload(good)) << good;
}

TEST(SignalLines, HaveALimit) {
  const std::string head = R"({"t":")", tail = R"("})";
  const auto longest = head + std::string(SignalLine::longest_payload - head.size() - tail.size(), 'a') + tail;
  EXPECT_TRUE(check_payload(longest));
  EXPECT_LE(SignalLine(SignalDirection::to_server, std::string(100, 'n'), longest).to_string().size() + 1,
            SignalLine::longest);
  EXPECT_THAT(check_payload(longest + " ").error().text(), HasSubstr("3900"));
}

TEST(RecentIds, RememberTheLast256OfAMinute) {
  RecentIds recent;
  RecentIds::TimePoint now;
  EXPECT_FALSE(recent.seen("first", now));
  EXPECT_TRUE(recent.seen("first", now));
  for (std::size_t i = 1; i < RecentIds::capacity; ++i) EXPECT_FALSE(recent.seen(std::to_string(i), now));
  EXPECT_TRUE(recent.seen("first", now));
  EXPECT_FALSE(recent.seen("one more", now));
  EXPECT_FALSE(recent.seen("first", now));
  EXPECT_TRUE(recent.seen("first", now + std::chrono::seconds(59)));
  EXPECT_FALSE(recent.seen("first", now + std::chrono::seconds(60))) << "said again on purpose";
}

TEST(LineSplitter, CutsAtNewlinesHoweverTheTextComes) {
  const std::string text = "one\n\ntwo\nthree";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    LineSplitter splitter;
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size(); at += size)
      for (auto& line : splitter.split(text.substr(at, size))) lines.push_back(line);
    EXPECT_THAT(lines, ElementsAre("one", "", "two")) << size;
    EXPECT_THAT(splitter.split("\n"), ElementsAre("three"));
  }
}

TEST(LineSplitter, DropsALineThatIsTooLongUpToItsEnd) {
  LineSplitter splitter;
  EXPECT_THAT(splitter.split(std::string(3000, 'a')), IsEmpty());
  for (int i = 0; i < 100; ++i) EXPECT_THAT(splitter.split(std::string(5000, 'a')), IsEmpty());
  EXPECT_THAT(splitter.split("tail\nnext\n"), ElementsAre("next"));
  EXPECT_THAT(splitter.split(std::string(4095, 'a') + "\n"), ElementsAre(std::string(4095, 'a')));
  EXPECT_THAT(splitter.split(std::string(4096, 'a') + "\nb\n"), ElementsAre("b"));
}

}  // namespace
}  // namespace ptproxy
