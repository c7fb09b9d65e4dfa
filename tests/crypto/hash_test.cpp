#include "crypto/hash.h"

#include "support/vectors.h"

#include <gtest/gtest.h>

namespace ptproxy {
namespace {

ByteView view(std::string_view text) {
  return as_bytes(text);
}

TEST(Hash, DigestsPartsAsOnePiece) {
  const std::string expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";  // FIPS 180-4
  EXPECT_EQ(to_hex(sha256({view("abc")})), expected);
  EXPECT_EQ(to_hex(sha256({view("a"), {}, view("bc")})), expected);
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Hash, AuthenticatesUnderShortAndLongKeys) {
  // RFC 4231, cases 2 and 6.
  const std::string case_2 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  EXPECT_EQ(to_hex(hmac_sha256(view("Jefe"), {view("what do ya want "), view("for nothing?")})), case_2);
  const Bytes long_key(131, 0xaa);
  EXPECT_EQ(to_hex(hmac_sha256(long_key, {view("Test Using Larger Than Block-Size Key - Hash Key First")})),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(to_hex(hmac_sha256_128(view("Jefe"), {view("what do ya want for nothing?")})), case_2.substr(0, 32));
}

TEST(Hash, MacsMessagesThatDifferInTheirEndsAsIfEachStoodAlone) {
  const Bytes key(70, 0xaa), beginning(131, 0x33);
  const std::vector<std::string> ends{"480000", "", "479999"};
  const auto tags = hmac_sha256_128_each(key, beginning, ends);
  ASSERT_EQ(tags.size(), ends.size());
  for (std::size_t i = 0; i < ends.size(); ++i)
    EXPECT_EQ(to_hex(tags[i]), to_hex(hmac_sha256_128(key, {beginning, as_bytes(ends[i])})));
}

TEST(Hash, ExtractsAndExpands) {
  // RFC 5869, case 1.
  const Bytes material(22, 0x0b);
  const auto key = hkdf_extract(from_hex("000102030405060708090a0b0c").value(), material);
  EXPECT_EQ(to_hex(key.view()), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  ByteArray<42> out;
  hkdf_expand(key.view(), from_hex("f0f1f2f3f4f5f6f7f8f9").value(), out);
  EXPECT_EQ(to_hex(out), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

TEST(Hash, ExpandsScrambleSuitsMasterKeys) {
  const auto vectors = test::read_vectors("scramblesuit_keys.json");
  for (const auto& one : test::list_of(vectors, "cases")) {
    ByteArray<144> out;
    hkdf_expand(test::array_of<32>(one.at("master_key")), {}, out);
    EXPECT_EQ(to_hex(out), test::text_of(one.at("okm144")));
  }
}

TEST(Hash, ExpandsUpToItsLimitAndNotBeyond) {
  const ByteArray<32> key{1};
  Bytes out(255 * 32);
  EXPECT_NO_THROW(hkdf_expand(key, {}, out));
  out.push_back(0);
  EXPECT_THROW(hkdf_expand(key, {}, out), std::length_error);
}

}  // namespace
}  // namespace ptproxy
