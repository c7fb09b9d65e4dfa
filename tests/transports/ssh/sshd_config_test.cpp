#include "transports/ssh/sshd_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptproxy::ssh {
namespace {

using ::testing::HasSubstr;

TEST(SshdConfig, QuotesTheFolderSName) {
  const auto config = sshd_config("/a state/100%", Endpoint("::1", 80), 30);
  ASSERT_TRUE(config);
  EXPECT_THAT(*config, HasSubstr("HostKey \"/a state/100%/hostKey\"\n"));
  EXPECT_THAT(*config, HasSubstr("AuthorizedKeysFile \"/a state/100%%/authorized_keys\"\n"));
  EXPECT_THAT(*config, HasSubstr("PermitOpen [::1]:80\nLoginGraceTime 30\n"));
}

TEST(SshdConfig, RefusesAFolderThatItCannotName) {
  for (const auto* folder : {"/a\"b", "/a\nPermitOpen any", "/a\\b"})
    EXPECT_FALSE(sshd_config(folder, Endpoint("127.0.0.1", 80), 30)) << folder;
}

}  // namespace
}  // namespace ptproxy::ssh
