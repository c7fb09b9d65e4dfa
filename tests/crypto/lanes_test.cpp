#include "crypto/lanes.h"

#include <ptproxy/random.h>

#include "crypto/elligator2.h"
#include "crypto/x25519.h"
#include "support/vectors.h"

#include <gtest/gtest.h>
#include <sodium.h>

namespace ptproxy {
namespace {

using test::array_of;
using test::secret_of;

// Under a sanitizer everything else takes its time, too.
#if defined(__SANITIZE_ADDRESS__)
constexpr int inputs = 20'000;
#else
constexpr int inputs = 1'000'000;
#endif

/// What side_by_side asks for needs a processor that can; what it does without is proven on every one.
#define NEEDS_LANES() \
  if (!lanes::available()) GTEST_SKIP() << "this processor has no AVX-512 IFMA"

PublicKey by_libsodium(const Secret<32>& private_key, const PublicKey& public_key) {
  PublicKey shared{};
  if (crypto_scalarmult_curve25519(shared.data(), private_key.data(), public_key.data()) != 0) shared.fill(0);
  return shared;
}

TEST(Lanes, MultiplyTwoPointsAsLibsodiumDoes) {
  NEEDS_LANES();
  SeededRandom random(1);
  for (int i = 0; i < inputs; i += 2) {
    const Secret<32> one(random.bytes<32>()), other(random.bytes<32>());
    const PublicKey first = random.bytes<32>(), second = random.bytes<32>();
    const auto shared = x25519({one, first}, {other, second}, true);
    ASSERT_EQ(to_hex(shared[0].view()), to_hex(by_libsodium(one, first))) << i;
    ASSERT_EQ(to_hex(shared[1].view()), to_hex(by_libsodium(other, second))) << i;
  }
}

TEST(Lanes, AgreeWithoutLanesToo) {
  SeededRandom random(2);
  for (int i = 0; i < 20; ++i) {
    const Secret<32> one(random.bytes<32>()), other(random.bytes<32>());
    const PublicKey first = random.bytes<32>(), second = random.bytes<32>();
    const auto shared = x25519({one, first}, {other, second}, false);
    EXPECT_EQ(to_hex(shared[0].view()), to_hex(by_libsodium(one, first)));
    EXPECT_EQ(to_hex(shared[1].view()), to_hex(by_libsodium(other, second)));
  }
}

// Points of small order, and the numbers round 0, p, 2p and 2^255, as X25519 reads them.
std::vector<PublicKey> rare_points() {
  std::vector<PublicKey> points;
  for (const int lowest : {0, 1, 2, 9}) {
    points.push_back(PublicKey{static_cast<Byte>(lowest)});
    points.push_back(points.back());
    points.back()[31] = 0x80;
  }
  for (int lowest = 0xda; lowest <= 0xff; ++lowest) {
    for (const Byte highest : {Byte{0x7f}, Byte{0xff}}) {
      PublicKey point;
      point.fill(0xff);
      point[0] = static_cast<Byte>(lowest);
      point[31] = highest;
      points.push_back(point);
    }
  }
  points.push_back(array_of<32>("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"));
  points.push_back(array_of<32>("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"));
  return points;
}

TEST(Lanes, MultiplyRarePointsAsLibsodiumDoes) {
  NEEDS_LANES();
  SeededRandom random(3);
  const PublicKey common = random.bytes<32>();
  Secret<32> ones;
  for (auto& byte : ones.span()) byte = 0xff;
  for (const auto& point : rare_points()) {
    for (const auto& scalar : {Secret<32>(random.bytes<32>()), Secret<32>(), ones}) {
      const auto here = x25519({scalar, point}, {scalar, common}, true);
      const auto there = x25519({scalar, common}, {scalar, point}, true);
      EXPECT_EQ(to_hex(here[0].view()), to_hex(by_libsodium(scalar, point))) << to_hex(point);
      EXPECT_EQ(to_hex(there[1].view()), to_hex(by_libsodium(scalar, point))) << to_hex(point);
      EXPECT_EQ(to_hex(here[1].view()), to_hex(there[0].view())) << to_hex(point);
    }
  }
}

TEST(Lanes, MultiplyAsRfc7748Does) {
  NEEDS_LANES();
  // Section 5.2, both examples.
  const auto first = array_of<32>("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
  const auto second = array_of<32>("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493");
  const auto one = secret_of<32>("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
  const auto other = secret_of<32>("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d");
  const auto shared = x25519({one, first}, {other, second}, true);
  EXPECT_EQ(to_hex(shared[0].view()), "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  EXPECT_EQ(to_hex(shared[1].view()), "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

TEST(Lanes, MakeTheKeyPairsThatAreMadeOneByOne) {
  NEEDS_LANES();
  SeededRandom random(4), again(4);
  for (int drawn = 0; drawn < inputs;) {
    std::vector<KeyPair> expected;
    while (expected.empty()) {
      const auto bytes = again.bytes<lanes::count * 33>();
      for (std::size_t i = 0; i < lanes::count; ++i) {
        const Secret<32> private_key(ByteView(bytes).subspan(33 * i, 32));
        if (auto pair = key_pair_from(private_key, bytes[33 * i + 32])) expected.push_back(*pair);
      }
      drawn += static_cast<int>(lanes::count);
    }
    const auto pairs = KeyPair::generate_some(random, true);
    ASSERT_EQ(pairs.size(), expected.size()) << drawn;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      ASSERT_EQ(pairs[i].public_key, expected[i].public_key) << drawn;
      ASSERT_EQ(pairs[i].representative, expected[i].representative) << drawn;
      ASSERT_EQ(to_hex(pairs[i].private_key.view()), to_hex(expected[i].private_key.view())) << drawn;
    }
  }
}

TEST(Lanes, MakeKeyPairsWithoutLanesToo) {
  SeededRandom random(5);
  const auto pairs = KeyPair::generate_some(random, false);
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(public_key_of(pairs[0].representative), pairs[0].public_key);
}

}  // namespace
}  // namespace ptproxy
