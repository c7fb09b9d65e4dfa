#include "transports/meek/poll_schedule.h"
#include "transports/meek/position.h"
#include "transports/meek/route.h"
#include "transports/meek/session_table.h"

#include "support/manual_loop.h"

#include <gtest/gtest.h>

namespace ptproxy::meek {
namespace {

using namespace std::chrono_literals;

TEST(MeekPositionTest, ReadsWhatItWrites) {
  Position position(65536, 12);
  EXPECT_EQ(to_string(position), "65536 12");
  position.end = position.hold = true;
  EXPECT_EQ(to_string(position), "65536 12 end hold");
  EXPECT_EQ(parse_position("65536 12 end hold"), position);
  EXPECT_EQ(parse_position("0 0 whatever"), Position());
  for (const auto* bad :
       {"", "1", "1 ", "a b", "1 b", "-1 2", "1  2", "1,2", "18446744073709551615 0", "99999999999999999999 1"})
    EXPECT_FALSE(parse_position(bad)) << bad;
}

TEST(MeekRouteTest, GoesWhereTheUrlSays) {
  const auto route = parse_route(Args().add("url", "https://meek.example:8443/a/b?c=d#e")).value();
  EXPECT_EQ(route.connect_to, Endpoint("meek.example", 8443));
  EXPECT_TRUE(route.tls);
  EXPECT_EQ(route.host_header, "meek.example:8443");
  EXPECT_EQ(route.target, "/a/b?c=d");
}

TEST(MeekRouteTest, FillsInWhatTheUrlLeavesOut) {
  const auto plain = parse_route(Args().add("url", "HTTP://192.0.2.1")).value();
  EXPECT_EQ(plain.connect_to, Endpoint("192.0.2.1", 80));
  EXPECT_EQ(plain.host_header, "192.0.2.1");
  EXPECT_EQ(plain.target, "/");
  const auto query = parse_route(Args().add("url", "https://[2001:db8::1]?q")).value();
  EXPECT_EQ(query.connect_to, Endpoint("2001:db8::1", 443));
  EXPECT_EQ(query.host_header, "[2001:db8::1]");
  EXPECT_EQ(query.target, "/?q");
}

TEST(MeekRouteTest, GoesByTheFront) {
  const auto route_by = [](const char* front) {
    return parse_route(Args().add("url", "https://hidden.example/x").add("front", front)).value();
  };
  EXPECT_EQ(route_by("front.example").connect_to, Endpoint("front.example", 443));
  EXPECT_EQ(route_by("front.example:444").connect_to, Endpoint("front.example", 444));
  EXPECT_EQ(route_by("[::1]").connect_to, Endpoint("::1", 443));
  EXPECT_EQ(route_by("[::1]:5").connect_to, Endpoint("::1", 5));
  EXPECT_EQ(route_by("front.example").host_header, "hidden.example");
}

TEST(MeekRouteTest, RefusesWhatItCannotReach) {
  for (const auto* url : {"", "meek.example", "ftp://a/", "https://", "https:///x", "http://a:0/", "http://a:99999/",
                          "http://u:p@a/", "http://a b/", "http://a/\r\nX: y", "http://a%0d%0a/", "http:a"})
    EXPECT_FALSE(parse_route(Args().add("url", url))) << url;
  EXPECT_FALSE(parse_route(Args()));
  for (const auto* front : {"a:b", "a:0", "a b", ":443", "a/b", "::1"})
    EXPECT_FALSE(parse_route(Args().add("url", "http://a/").add("front", front))) << front;
  EXPECT_FALSE(parse_route(Args().add("url", "http://a/").add("front", std::string(254, 'a'))));
}

TEST(MeekRouteTest, KnowsWhichImitationIsWanted) {
  EXPECT_FALSE(wants_imitation(Args()));
  EXPECT_FALSE(wants_imitation(Args().add("utls", "none")));
  EXPECT_TRUE(wants_imitation(Args().add("utls", "HelloChrome_Auto")));
}

TEST(MeekPollScheduleTest, GrowsByHalfUpToFiveSeconds) {
  PollSchedule schedule;
  std::vector<long> pauses;
  for (int i = 0; i < 12; ++i) {
    pauses.push_back(std::chrono::round<std::chrono::milliseconds>(schedule.pause()).count());
    schedule.exchanged(false);
  }
  EXPECT_EQ(pauses, (std::vector<long>{100, 150, 225, 338, 506, 759, 1139, 1709, 2563, 3844, 5000, 5000}));
  schedule.exchanged(true);
  EXPECT_EQ(schedule.pause(), 0us);
  schedule.exchanged(false);
  EXPECT_EQ(schedule.pause(), 100ms);
}

class MeekSessionTableTest : public ::testing::Test, protected test::TestHouse {
 protected:
  std::shared_ptr<ServerSession> add(const std::string& id, std::optional<Endpoint> client = {}) {
    auto session = std::make_shared<ServerSession>(services.executor, chunks, loop, std::move(client));
    table.add(id, session);
    return session;
  }
  SessionTable table{600, true};
};

TEST_F(MeekSessionTableTest, KnowsAName) {
  EXPECT_TRUE(SessionTable::is_valid_id("12345678"));
  EXPECT_TRUE(SessionTable::is_valid_id(std::string(128, '~')));
  for (const std::string bad : {"", "1234567", "1234 5678", "1234567\x7f", "1234567\xc3\xa4"})
    EXPECT_FALSE(SessionTable::is_valid_id(bad));
  EXPECT_FALSE(SessionTable::is_valid_id(std::string(129, 'a')));
}

TEST_F(MeekSessionTableTest, ForgetsWhatIsIdleAndRemembersThatItWas) {
  const auto session = add("idle-one");
  table.expire(loop.now() + 119s);
  EXPECT_EQ(table.find("idle-one"), session);
  table.expire(loop.now() + 120s);
  EXPECT_EQ(table.find("idle-one"), nullptr);
  EXPECT_TRUE(session->session().has_failed());
  EXPECT_TRUE(table.is_buried("idle-one", loop.now() + 359s));
  EXPECT_FALSE(table.is_buried("idle-one", loop.now() + 360s));
}

TEST_F(MeekSessionTableTest, RemembersABoundedNumber) {
  for (std::size_t i = 0; i <= SessionTable::most_buried; ++i) table.bury("name" + std::to_string(i), loop.now());
  EXPECT_FALSE(table.is_buried("name0", loop.now()));
  EXPECT_TRUE(table.is_buried("name" + std::to_string(SessionTable::most_buried), loop.now()));
}

TEST_F(MeekSessionTableTest, OneClientCannotTakeAllOfIt) {
  const Endpoint greedy("192.0.2.1", 1), other("192.0.2.2", 1), proxy("127.0.0.1", 1);
  for (std::size_t i = 0; i < SessionTable::most_per_client; ++i) add("greedy" + std::to_string(i), greedy);
  EXPECT_TRUE(table.is_full_for(greedy));
  EXPECT_FALSE(table.is_full_for(other));
  for (std::size_t i = table.size(); i < 600; ++i) {
    EXPECT_FALSE(table.is_full_for(proxy));
    add("proxied" + std::to_string(i), proxy);
  }
  EXPECT_TRUE(table.is_full_for(other));
}

}  // namespace
}  // namespace ptproxy::meek
