#include "wire/json_scanner.h"

#include <gtest/gtest.h>

namespace ptproxy {
namespace {

using Found = JsonScanner::Found;

TEST(JsonScanner, FindsTheLastBrace) {
  for (const std::string object :
       {"{}", "{\"a\":\"}\"}", R"({"a":"\"}"})", R"({"a":"\\"})", R"({"a":"\\\"}"})", R"({"a":[{},{"b":[]}]})"}) {
    for (const std::string behind : {"", "}", "\x05\x01", "\""}) {
      JsonScanner at_once;
      EXPECT_EQ(at_once.feed(as_bytes(object + behind)), Found::whole) << object;
      EXPECT_EQ(at_once.scanned(), object.size());
    }
    JsonScanner byte_by_byte;
    for (std::size_t i = 0; i + 1 < object.size(); ++i)
      EXPECT_EQ(byte_by_byte.feed(as_bytes(object.substr(i, 1))), Found::need_more) << object;
    EXPECT_EQ(byte_by_byte.feed(as_bytes(object.substr(object.size() - 1))), Found::whole);
  }
}

TEST(JsonScanner, RefusesBracketsThatDoNotMatch) {
  for (const std::string text : {"[", "x", "}", "{]", "{[}", "{[[[[[[[["}) {
    JsonScanner scanner;
    EXPECT_EQ(scanner.feed(as_bytes(text)), Found::malformed) << text;
  }
}

TEST(JsonScanner, TakesEightLevels) {
  JsonScanner scanner;
  EXPECT_EQ(scanner.feed(as_bytes("{[[[[[[[]]]]]]]}")), Found::whole);
}

}  // namespace
}  // namespace ptproxy
