#include "proxy/dial_backoff.h"

#include <gtest/gtest.h>

namespace ptproxy {
namespace {

using namespace std::chrono_literals;

TEST(DialBackoff, RestsTwiceAsLongEachTimeUpToHalfAMinute) {
  DialBackoff<int> backoff(10);
  Clock::TimePoint now{};
  for (auto rest : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
    EXPECT_TRUE(backoff.allows(1, now));
    backoff.failed(1, now);
    EXPECT_FALSE(backoff.allows(1, now + rest - 1ms));
    now += rest;
  }
  EXPECT_TRUE(backoff.allows(1, now));
}

TEST(DialBackoff, KeepsKeysApart) {
  DialBackoff<int> backoff(10);
  backoff.failed(1, {});
  EXPECT_TRUE(backoff.allows(2, {}));
}

TEST(DialBackoff, BeginsAnewAfterASuccess) {
  DialBackoff<int> backoff(10);
  const Clock::TimePoint start{};
  backoff.failed(1, start);
  backoff.failed(1, start + 1s);
  backoff.succeeded(1);
  EXPECT_TRUE(backoff.allows(1, start + 1s));
  backoff.failed(1, start + 2s);
  EXPECT_TRUE(backoff.allows(1, start + 3s));
}

TEST(DialBackoff, HoldsNewKeysBackWhileItsMemoryIsFull) {
  DialBackoff<int> backoff(3);
  const Clock::TimePoint start{};
  for (int key = 1; key <= 3; ++key) backoff.failed(key, start);
  EXPECT_FALSE(backoff.allows(4, start));
  EXPECT_TRUE(backoff.allows(3, start + 1s));
  EXPECT_FALSE(backoff.allows(4, start + 30s));
  EXPECT_TRUE(backoff.allows(4, start + 31s));  // the three are forgotten by now
}

}  // namespace
}  // namespace ptproxy
