#include "transports/obfs4/key_pair_pool.h"

#include "support/manual_loop.h"

#include <gtest/gtest.h>

#include <set>

namespace ptproxy::obfs4 {
namespace {

using namespace std::chrono_literals;

class KeyPairPoolTest : public ::testing::Test, protected test::TestHouse {
 protected:
  KeyPairPoolTest() : TestHouse("/nonexistent") {}
  KeyPairPool pool{services};
};

TEST_F(KeyPairPoolTest, IsEmptyUntilSomebodyNeedsIt) {
  loop.run();
  EXPECT_EQ(pool.ready(), 0u);
}

TEST_F(KeyPairPoolTest, FillsWhenNobodyHasAskedForAWhile) {
  (void)pool.take();
  for (int i = 0; i < 20; ++i) {
    const auto before = pool.ready();
    loop.run_until(loop.now() + 9ms);
    EXPECT_EQ(pool.ready(), before) << "the loop is busy";
    (void)pool.take();
  }
  loop.run();
  EXPECT_GE(pool.ready(), KeyPairPool::enough);
}

TEST_F(KeyPairPoolTest, GivesNoPairTwice) {
  std::set<PublicKey> seen;
  for (int i = 0; i < 100; ++i) {
    if (i % 25 == 0) loop.run();
    const auto pair = pool.take();
    EXPECT_TRUE(seen.insert(pair.public_key).second);
    EXPECT_EQ(public_key_of(pair.representative), pair.public_key);
  }
}

}  // namespace
}  // namespace ptproxy::obfs4
