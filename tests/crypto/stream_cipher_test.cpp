#include "crypto/stream_cipher.h"

#include "support/vectors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace ptproxy {
namespace {

ByteArray<16> block_of(std::string_view hex) {
  ByteArray<16> block;
  std::ranges::copy(from_hex(hex).value(), block.begin());
  return block;
}

std::string apply(AesCtr cipher, std::string_view hex) {
  auto bytes = from_hex(hex).value();
  cipher.apply(bytes);
  return to_hex(bytes);
}

// NIST SP 800-38A, appendix F.5.
constexpr std::string_view nist_counter = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
constexpr std::string_view nist_key_128 = "2b7e151628aed2a6abf7158809cf4f3c";
constexpr std::string_view nist_key_256 = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
constexpr std::string_view nist_plain =
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
constexpr std::string_view nist_cipher_128 =
    "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
    "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee";
constexpr std::string_view nist_cipher_256 =
    "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
    "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6";

AesCtr nist(std::string_view key) {
  return AesCtr(from_hex(key).value(), block_of(nist_counter));
}

TEST(AesCtr, EncryptsAndDecryptsWithBothKeySizes) {
  EXPECT_EQ(apply(nist(nist_key_128), nist_plain), nist_cipher_128);
  EXPECT_EQ(apply(nist(nist_key_128), nist_cipher_128), nist_plain);
  EXPECT_EQ(apply(nist(nist_key_256), nist_plain), nist_cipher_256);
}

TEST(AesCtr, GoesOnWhereItStoppedInEverySlicing) {
  for (std::size_t first = 0; first <= 64; ++first) {
    for (std::size_t second = first; second <= 64; second += 7) {
      auto cipher = nist(nist_key_256);
      auto bytes = from_hex(nist_plain).value();
      const ByteSpan all(bytes);
      cipher.apply(all.first(first));
      cipher.apply(all.subspan(first, second - first));
      cipher.apply(all.subspan(second));
      ASSERT_EQ(to_hex(bytes), nist_cipher_256) << first << ", " << second;
    }
  }
}

TEST(AesCtr, KeepsItsPlaceWhenMoved) {
  auto cipher = nist(nist_key_128);
  auto bytes = from_hex(nist_plain).value();
  cipher.apply(ByteSpan(bytes).first(5));
  AesCtr moved = std::move(cipher);
  moved.apply(ByteSpan(bytes).subspan(5));
  EXPECT_EQ(to_hex(bytes), nist_cipher_128);
}

TEST(AesCtr, CountsWith128BitsAndWraps) {
  const auto key = from_hex(nist_key_128).value();
  ByteArray<48> stream{};
  AesCtr(key, block_of("ffffffffffffffffffffffffffffffff")).apply(stream);
  ByteArray<32> zero_on{};
  AesCtr(key, block_of("00000000000000000000000000000000")).apply(zero_on);
  EXPECT_TRUE(std::equal(zero_on.begin(), zero_on.end(), stream.begin() + 16));

  ByteArray<32> carried{};
  AesCtr(key, block_of("0000000000000000ffffffffffffffff")).apply(carried);
  ByteArray<16> next{};
  AesCtr(key, block_of("00000000000000010000000000000000")).apply(next);
  EXPECT_TRUE(std::equal(next.begin(), next.end(), carried.begin() + 16));
}

TEST(AesCtr, DecryptsScrambleSuitsRecordedMessages) {
  // A message is a MAC of 16 bytes, then, under one key stream for all messages, the length of what follows the header,
  // the payload's length, flags, payload and padding.
  const auto vectors = test::read_vectors("scramblesuit_keys.json");
  for (const auto& one : test::list_of(vectors, "cases")) {
    const auto& keys = one.at("keys");
    AesCtr cipher(test::bytes_of(keys.at("c2s_key")), block_of(test::text_of(keys.at("c2s_iv")) + "0000000000000001"));
    for (const auto& message : test::list_of(one, "client_messages")) {
      auto bytes = test::bytes_of(message.at("message"));
      const auto open = ByteSpan(bytes).subspan(16);
      cipher.apply(open);
      const auto payload = test::bytes_of(message.at("payload"));
      Reader reader(open);
      EXPECT_EQ(reader.u16(), payload.size() + message.at("padding_length").to_number<std::size_t>());
      EXPECT_EQ(reader.u16(), payload.size());
      EXPECT_EQ(reader.u8(), message.at("flags").to_number<Byte>());
      const auto found = reader.take(payload.size());
      ASSERT_TRUE(found);
      EXPECT_EQ(to_hex(*found), to_hex(payload));
    }
  }
}

TEST(AesCtr, RefusesKeysOfOtherSizes) {
  EXPECT_THROW(AesCtr(Bytes(24), ByteArray<16>{}), std::invalid_argument);
  EXPECT_THROW(AesCtr(Bytes(), ByteArray<16>{}), std::invalid_argument);
}

}  // namespace
}  // namespace ptproxy
