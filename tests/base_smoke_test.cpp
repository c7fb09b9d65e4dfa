#include <ptproxy/args.h>
#include <gtest/gtest.h>
TEST(Smoke, Args) { EXPECT_TRUE(ptproxy::parse_args("a=b")); }
