#include "crypto/fe25519.h"

#include "support/vectors.h"

#include <ptproxy/random.h>

#include <gtest/gtest.h>
#include <openssl/bn.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace ptproxy {
namespace {

/// The same arithmetic by OpenSSL's big numbers.
class Fe25519Test : public testing::Test {
 protected:
  struct Free {
    void operator()(BIGNUM* n) const { BN_free(n); }
    void operator()(BN_CTX* c) const { BN_CTX_free(c); }
  };
  using Number = std::unique_ptr<BIGNUM, Free>;

  Fe25519Test() : scratch_(BN_CTX_new()), p_(BN_new()) {
    BN_set_bit(p_.get(), 255);
    BN_sub_word(p_.get(), 19);
    ByteArray<32> bytes{};
    encodings_.push_back(bytes);  // 0
    bytes[0] = 1;
    encodings_.push_back(bytes);
    bytes.fill(0xff);
    encodings_.push_back(bytes);  // 2^255 - 1 after bit 255 is dropped
    bytes[31] = 0x7f;
    for (int low = 0xeb; low <= 0xef; ++low) {  // p - 2 ... p + 2
      bytes[0] = static_cast<Byte>(low);
      encodings_.push_back(bytes);
    }
    SeededRandom random(1);
    for (int i = 0; i < 30; ++i) encodings_.push_back(random.bytes<32>());
  }

  Number number(ByteArray<32> bytes) const {
    bytes[31] &= 0x7f;
    Number n(BN_lebin2bn(bytes.data(), 32, nullptr));
    BN_nnmod(n.get(), n.get(), p_.get(), scratch_.get());
    return n;
  }
  static ByteArray<32> bytes(const Number& n) {
    ByteArray<32> out;
    BN_bn2lebinpad(n.get(), out.data(), 32);
    return out;
  }

  std::unique_ptr<BN_CTX, Free> scratch_;
  Number p_;
  std::vector<ByteArray<32>> encodings_;
};

TEST_F(Fe25519Test, EncodesCanonically) {
  for (const auto& a : encodings_) EXPECT_EQ(Fe25519(a).bytes(), bytes(number(a))) << to_hex(a);
}

TEST_F(Fe25519Test, AddsSubtractsAndMultipliesAsOpenSslDoes) {
  const Number result(BN_new());
  for (const auto& a : encodings_) {
    for (const auto& b : encodings_) {
      const auto x = number(a), y = number(b);
      BN_mod_add(result.get(), x.get(), y.get(), p_.get(), scratch_.get());
      EXPECT_EQ((Fe25519(a) + Fe25519(b)).bytes(), bytes(result));
      BN_mod_sub(result.get(), x.get(), y.get(), p_.get(), scratch_.get());
      EXPECT_EQ((Fe25519(a) - Fe25519(b)).bytes(), bytes(result));
      BN_mod_mul(result.get(), x.get(), y.get(), p_.get(), scratch_.get());
      EXPECT_EQ((Fe25519(a) * Fe25519(b)).bytes(), bytes(result));
    }
  }
}

TEST_F(Fe25519Test, StaysRightThroughLongChains) {
  for (const auto& a : encodings_) {
    Fe25519 x(a);
    const auto expected = number(a);
    const auto start = number(a);
    for (int i = 0; i < 100; ++i) {
      x = (x + x - Fe25519(a)).square() - Fe25519(1);
      BN_mod_lshift1(expected.get(), expected.get(), p_.get(), scratch_.get());
      BN_mod_sub(expected.get(), expected.get(), start.get(), p_.get(), scratch_.get());
      BN_mod_sqr(expected.get(), expected.get(), p_.get(), scratch_.get());
      BN_mod_sub(expected.get(), expected.get(), BN_value_one(), p_.get(), scratch_.get());
    }
    EXPECT_EQ(x.bytes(), bytes(expected));
  }
}

TEST_F(Fe25519Test, InvertsAllButZero) {
  for (const auto& a : encodings_) {
    const Fe25519 x(a);
    const bool is_zero = x.equals(Fe25519(0));
    EXPECT_TRUE((x * x.inverse()).equals(Fe25519(is_zero ? 0 : 1))) << to_hex(a);
  }
  EXPECT_TRUE(Fe25519(0).inverse().equals(Fe25519(0)));
}

TEST_F(Fe25519Test, TellsSquaresAndTakesTheirInverseRoots) {
  EXPECT_TRUE(root_of_minus_one().square().equals(-Fe25519(1)));
  EXPECT_FALSE(root_of_minus_one().is_odd());
  EXPECT_FALSE(inverse_root(Fe25519(0)).is_square);
  for (const auto& a : encodings_) {
    const Fe25519 x(a);
    if (x.equals(Fe25519(0))) continue;
    const auto n = number(a);
    const auto root = inverse_root(x);
    EXPECT_EQ(root.is_square, BN_kronecker(n.get(), p_.get(), scratch_.get()) == 1);
    EXPECT_TRUE((root.root.square() * x).equals(root.is_square ? Fe25519(1) : root_of_minus_one()));
  }
}

TEST_F(Fe25519Test, SelectsByACondition) {
  const Fe25519 a(3), b(4);
  EXPECT_TRUE(Fe25519::select(true, a, b).equals(a));
  EXPECT_TRUE(Fe25519::select(false, a, b).equals(b));
  EXPECT_TRUE(a.is_odd());
  EXPECT_FALSE(b.is_odd());
  EXPECT_TRUE((-b).is_odd());
}

}  // namespace
}  // namespace ptproxy
