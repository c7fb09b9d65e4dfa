#include <ptproxy/bytes.h>

#include <gtest/gtest.h>

namespace ptproxy {
namespace {

TEST(Base32, AgreesWithTheRfc) {
  // RFC 4648 section 10.
  const std::pair<const char*, const char*> pairs[] = {
      {"", ""},
      {"f", "MY======"},
      {"fo", "MZXQ===="},
      {"foo", "MZXW6==="},
      {"foob", "MZXW6YQ="},
      {"fooba", "MZXW6YTB"},
      {"foobar", "MZXW6YTBOI======"},
  };
  for (const auto& [plain, text] : pairs) {
    EXPECT_EQ(to_base32(as_bytes(plain)), text);
    const auto bytes = from_base32(text);
    ASSERT_TRUE(bytes) << text;
    EXPECT_EQ(as_text(*bytes), plain);
    std::string bare(text);
    std::erase(bare, '=');
    EXPECT_EQ(from_base32(bare), bytes) << bare;
  }
}

TEST(Base32, RefusesEverythingElse) {
  for (const char* text : {"M", "MZX", "MZXW6Y", "my======", "MY=====", "MY=======", "M1======", "MZ XQ===", "=",
                           "MZXW6YTB=", "========", "MZXW6YT\n"})
    EXPECT_FALSE(from_base32(text)) << text;
}

}  // namespace
}  // namespace ptproxy
