#include "crypto/siphash_drbg.h"

#include "support/vectors.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>

namespace ptproxy {
namespace {

class SipHashDrbgTest : public testing::Test {
 protected:
  template <class Check>
  void for_each_stream(Check check) {
    const auto vectors = test::read_vectors("obfs4_drbg.json");
    for (const auto& stream : test::list_of(vectors, "streams"))
      check(stream, SipHashDrbg(test::array_of<24>(stream.at("seed"))));
  }
};

TEST_F(SipHashDrbgTest, GivesTheReferencesBlocksAndMasks) {
  for_each_stream([](const boost::json::value& stream, SipHashDrbg drbg) {
    SipHashDrbg masks = drbg;
    for (const auto& block : test::list_of(stream, "blocks")) {
      EXPECT_EQ(to_hex(drbg.next_block()), test::text_of(block));
      const auto expected = test::bytes_of(block);
      EXPECT_EQ(masks.next_mask(), expected[0] << 8 | expected[1]);
    }
  });
}

TEST_F(SipHashDrbgTest, DrawsTheReferencesNumbers) {
  for_each_stream([](const boost::json::value& stream, const SipHashDrbg& fresh) {
    SipHashDrbg drbg = fresh;
    SipHashDrbg halves = fresh;
    for (const auto& number : test::list_of(stream, "int63")) {
      const auto expected = std::stoull(test::text_of(number));
      EXPECT_EQ(drbg.int63(), expected);
      EXPECT_EQ(halves.int31(), expected >> 32);
    }
    drbg = fresh;
    for (const auto& number : test::list_of(stream, "intn_10")) EXPECT_EQ(drbg.intn(10), number.to_number<unsigned>());
    drbg = fresh;
    for (const auto& number : test::list_of(stream, "float64")) EXPECT_EQ(drbg.float64(), test::double_of(number));
    drbg = fresh;
    const auto order = drbg.perm(20);
    EXPECT_EQ(order, boost::json::value_to<std::vector<std::uint32_t>>(stream.at("perm_20")));
  });
}

TEST_F(SipHashDrbgTest, FixesTheDelayBeforeAFailedConnectionIsClosed) {
  const auto vectors = test::read_vectors("obfs4_drbg.json");
  for (const auto& one : test::list_of(vectors, "close_delay"))
    EXPECT_EQ(SipHashDrbg(test::array_of<24>(one.at("drbg_seed"))).intn(60),
              one.at("close_delay_seconds").to_number<unsigned>());
}

TEST_F(SipHashDrbgTest, HashesAllThatItEverSaid) {
  // Far enough that the count of bytes in SipHash's last word wraps round.
  SipHashDrbg::Seed seed;
  for (std::size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<Byte>(7 * i + 1);
  SipHashDrbg drbg(seed);
  Bytes said(seed.begin() + 16, seed.end());
  for (int i = 0; i < 100; ++i) {
    ByteArray<8> expected;
    crypto_shorthash_siphash24(expected.data(), said.data(), said.size(), seed.data());
    const auto block = drbg.next_block();
    ASSERT_EQ(block, expected) << "block " << i + 1;
    said.insert(said.end(), block.begin(), block.end());
  }
}

TEST_F(SipHashDrbgTest, TakesOneBlockForAPowerOfTwo) {
  SipHashDrbg drbg(SipHashDrbg::Seed{});
  SipHashDrbg other = drbg;
  EXPECT_EQ(drbg.intn(64), other.int31() & 63);
  EXPECT_EQ(drbg.intn(1), 0U);
  (void)other.next_block();
  EXPECT_EQ(drbg.next_block(), other.next_block());
}

}  // namespace
}  // namespace ptproxy
