#include "crypto/replay_filter.h"

#include <gtest/gtest.h>

#include <deque>
#include <set>

namespace ptproxy {
namespace {

using namespace std::chrono_literals;

class ReplayFilterTest : public testing::Test {
 protected:
  static ByteArray<16> mac(std::uint32_t number) {
    ByteArray<16> bytes{};
    for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<Byte>(number >> 8 * i);
    return bytes;
  }

  SeededRandom random{1};
  ReplayFilter::TimePoint start{1h};
};

TEST_F(ReplayFilterTest, TakesEachMacOnce) {
  ReplayFilter filter(random, 3h, 100);
  EXPECT_TRUE(filter.insert(start, mac(1)));
  EXPECT_FALSE(filter.insert(start, mac(1)));
  EXPECT_TRUE(filter.insert(start, mac(2)));
  EXPECT_FALSE(filter.insert(start + 1h, mac(1)));
  EXPECT_EQ(filter.size(), 2U);
}

TEST_F(ReplayFilterTest, ForgetsAfterTheLifetimeOfTheFirstSight) {
  ReplayFilter filter(random, 3h, 100);
  EXPECT_TRUE(filter.insert(start, mac(1)));
  EXPECT_TRUE(filter.insert(start + 1h, mac(2)));
  EXPECT_FALSE(filter.insert(start + 3h - 1ns, mac(1)));
  EXPECT_TRUE(filter.insert(start + 3h, mac(1)));
  EXPECT_FALSE(filter.insert(start + 3h, mac(2)));
  EXPECT_EQ(filter.size(), 2U);
}

TEST_F(ReplayFilterTest, ForgetsTheEldestWhenItIsFull) {
  ReplayFilter filter(random, 3h, 3);
  for (std::uint32_t i = 1; i <= 3; ++i) EXPECT_TRUE(filter.insert(start, mac(i)));
  EXPECT_FALSE(filter.insert(start, mac(1)));
  EXPECT_TRUE(filter.insert(start, mac(4)));
  EXPECT_EQ(filter.size(), 3U);
  EXPECT_FALSE(filter.insert(start, mac(2)));
  EXPECT_TRUE(filter.insert(start, mac(1)));
}

TEST_F(ReplayFilterTest, ForgetsNothingWhenTimesComeOutOfOrder) {
  ReplayFilter filter(random, 3h, 100);
  EXPECT_TRUE(filter.insert(start + 10s, mac(1)));
  EXPECT_FALSE(filter.insert(start, mac(1))) << "said on a connection that was accepted earlier";
  EXPECT_TRUE(filter.insert(start, mac(2)));
  EXPECT_FALSE(filter.insert(start + 3h, mac(2))) << "kept as long as one that came in order";
  EXPECT_TRUE(filter.insert(start + 10s + 3h, mac(2)));
  EXPECT_EQ(filter.size(), 1U);
}

TEST_F(ReplayFilterTest, TakesMacsOfAnySize) {
  ReplayFilter filter(random, 3h, 100);
  EXPECT_TRUE(filter.insert(start, {}));
  EXPECT_FALSE(filter.insert(start, {}));
  EXPECT_TRUE(filter.insert(start, Bytes(1)));
  EXPECT_TRUE(filter.insert(start, Bytes(100)));
  EXPECT_FALSE(filter.insert(start, Bytes(100)));
}

TEST_F(ReplayFilterTest, AnswersLikeASimpleListThroughGrowthAndShrinking) {
  constexpr std::size_t capacity = 3000;
  ReplayFilter filter(random, 100s, capacity);
  std::deque<std::pair<ReplayFilter::TimePoint, std::uint32_t>> list;
  std::set<std::uint32_t> known;
  const auto drop_eldest = [&] {
    known.erase(list.front().second);
    list.pop_front();
  };
  auto now = start;
  SeededRandom draws(2);
  for (int i = 0; i < 60000; ++i) {
    // Rushes that overfill it take turns with calms in which nearly all is forgotten.
    now += i / 10000 % 2 == 0 ? 1ms : 2s;
    const auto number = draws.below(8000);
    while (!list.empty() && now - list.front().first >= 100s) drop_eldest();
    const bool is_new = !known.contains(number);
    ASSERT_EQ(filter.insert(now, mac(number)), is_new) << i;
    if (is_new) {
      if (list.size() == capacity) drop_eldest();
      list.emplace_back(now, number);
      known.insert(number);
    }
    ASSERT_EQ(filter.size(), list.size());
  }
}

}  // namespace
}  // namespace ptproxy
