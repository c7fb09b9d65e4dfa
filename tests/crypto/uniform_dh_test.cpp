#include "crypto/uniform_dh.h"

#include "support/vectors.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>

#include <thread>

namespace ptproxy {
namespace {

using test::array_of;
using test::secret_of;
using test::text_of;

ByteArray<192> prime() {
  ByteArray<192> bytes;
  BIGNUM* p = BN_get_rfc3526_prime_1536(nullptr);
  BN_bn2binpad(p, bytes.data(), 192);
  BN_free(p);
  return bytes;
}

/// p - number, digit by digit.
ByteArray<192> negated(const ByteArray<192>& number) {
  auto result = prime();
  int borrow = 0;
  for (std::size_t i = 192; i-- > 0;) {
    const int digit = result[i] - number[i] - borrow;
    result[i] = static_cast<Byte>(digit);
    borrow = digit < 0 ? 1 : 0;
  }
  return result;
}

TEST(UniformDh, AgreesWithTheReference) {
  const auto vectors = test::read_vectors("obfs3_uniformdh.json");
  bool sent_either[2] = {};
  for (const auto& one : test::list_of(vectors, "cases")) {
    const UniformDh a(secret_of<192>(one.at("a_private_raw")));
    const UniformDh b(secret_of<192>(one.at("b_private_raw")));
    EXPECT_EQ(to_hex(a.public_key()), text_of(one.at("a_public_on_wire")));
    EXPECT_EQ(to_hex(b.public_key()), text_of(one.at("b_public_on_wire")));
    EXPECT_EQ(to_hex(a.shared_secret(b.public_key()).view()), text_of(one.at("shared")));
    EXPECT_EQ(to_hex(b.shared_secret(a.public_key()).view()), text_of(one.at("shared")));
    sent_either[one.at("a_sends_p_minus_X").as_bool() ? 1 : 0] = true;
  }
  EXPECT_TRUE(sent_either[0] && sent_either[1]);
}

TEST(UniformDh, TheLowestBitChoosesTheFormAndNothingElse) {
  SeededRandom random(1);
  auto bytes = random.bytes<192>();
  bytes[191] &= 0xfe;
  const UniformDh even{Secret<192>(bytes)};
  bytes[191] |= 1;
  const UniformDh odd{Secret<192>(bytes)};
  EXPECT_EQ(odd.public_key(), negated(even.public_key()));
  const auto peer = UniformDh::generate(random);
  const auto secret = to_hex(even.shared_secret(peer.public_key()).view());
  EXPECT_EQ(to_hex(odd.shared_secret(peer.public_key()).view()), secret);
  EXPECT_EQ(to_hex(peer.shared_secret(even.public_key()).view()), secret);
  EXPECT_EQ(to_hex(peer.shared_secret(odd.public_key()).view()), secret);
}

TEST(UniformDh, TakesAnyNumberFromAPeer) {
  SeededRandom random(2);
  const auto ours = UniformDh::generate(random);
  const std::string zero(384, '0');
  EXPECT_EQ(to_hex(ours.shared_secret(ByteArray<192>{}).view()), zero);
  EXPECT_EQ(to_hex(ours.shared_secret(prime()).view()), zero);
  ByteArray<192> one{};
  one[191] = 1;
  EXPECT_EQ(to_hex(ours.shared_secret(one).view()), to_hex(one));
  // All ones is more than p; less p it is the same number.
  ByteArray<192> most, small;
  most.fill(0xff);
  const auto p = prime();
  for (std::size_t i = 0; i < 192; ++i) small[i] = static_cast<Byte>(0xff - p[i]);
  EXPECT_EQ(to_hex(ours.shared_secret(most).view()), to_hex(ours.shared_secret(small).view()));
}

TEST(UniformDh, AnExponentOfZeroGivesOne) {
  const UniformDh pair{Secret<192>()};
  EXPECT_EQ(to_hex(pair.public_key()), std::string(383, '0') + "1");
}

TEST(UniformDh, WorksOnManyThreadsAtOnce) {
  constexpr int threads = 4;
  std::vector<std::string> secrets(2 * threads);
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&secrets, i] {
      SeededRandom random(static_cast<std::uint64_t>(100 + i));
      const auto a = UniformDh::generate(random);
      const auto b = UniformDh::generate(random);
      secrets[static_cast<std::size_t>(2 * i)] = to_hex(a.shared_secret(b.public_key()).view());
      secrets[static_cast<std::size_t>(2 * i + 1)] = to_hex(b.shared_secret(a.public_key()).view());
    });
  }
  for (auto& thread : running) thread.join();
  for (std::size_t i = 0; i < secrets.size(); i += 2) {
    EXPECT_EQ(secrets[i].size(), 384U);
    EXPECT_EQ(secrets[i], secrets[i + 1]);
  }
}

}  // namespace
}  // namespace ptproxy
