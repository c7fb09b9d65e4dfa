#include <ptproxy/storage.h>

#include "support/temporary_directory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <sys/stat.h>

namespace ptproxy {
namespace {

class StorageTest : public ::testing::Test {
 protected:
  mode_t mode(const std::filesystem::path& path) const {
    struct stat there {};
    EXPECT_EQ(::stat(path.c_str(), &there), 0) << path;
    return there.st_mode & 07777;
  }

  test::TemporaryDirectory directory;
  Storage state{directory.path()};
  Storage folder = state.folder("ssh");
};

TEST_F(StorageTest, AFolderIsNotThereUntilItIsPrepared) {
  EXPECT_EQ(folder.directory(), directory.path() / "ssh");
  EXPECT_FALSE(std::filesystem::exists(folder.directory()));
  EXPECT_FALSE(folder.write("key", "secret"));
  ASSERT_TRUE(folder.prepare_private());
  EXPECT_EQ(mode(folder.directory()), 0700u);
  ASSERT_TRUE(folder.write("key", "secret"));
  EXPECT_EQ(folder.read("key")->value(), "secret");
  EXPECT_EQ(mode(folder.directory() / "key"), 0600u);
}

TEST_F(StorageTest, AFolderOfOurOwnIsClosedToOthers) {
  ASSERT_TRUE(folder.prepare());
  ASSERT_TRUE(folder.write("key", "secret"));
  std::filesystem::permissions(folder.directory(), std::filesystem::perms(0755));
  std::filesystem::permissions(folder.directory() / "key", std::filesystem::perms(0644));
  ASSERT_TRUE(folder.prepare());
  EXPECT_EQ(mode(folder.directory()), 0755u) << "the state directory may be anybody's";
  ASSERT_TRUE(folder.prepare_private());
  EXPECT_EQ(mode(folder.directory()), 0700u);
  EXPECT_EQ(mode(folder.directory() / "key"), 0600u);
}

TEST_F(StorageTest, AFolderOfOurOwnHoldsNothingOfAnybodyElses) {
  ASSERT_TRUE(folder.prepare());
  ASSERT_TRUE(state.write("elsewhere", "x"));
  std::filesystem::create_symlink(directory.path() / "elsewhere", folder.directory() / "key");
  EXPECT_FALSE(folder.prepare_private());
  std::filesystem::remove(folder.directory() / "key");
  EXPECT_TRUE(folder.prepare_private());
  if (::geteuid() == 0) {
    ASSERT_TRUE(folder.write("key", "secret"));
    ASSERT_EQ(::chown((folder.directory() / "key").c_str(), 1, 1), 0);
    EXPECT_FALSE(folder.prepare_private());
    ASSERT_EQ(::chown((folder.directory() / "key").c_str(), 0, 0), 0);
    ASSERT_EQ(::chown(folder.directory().c_str(), 1, 1), 0);
    EXPECT_FALSE(folder.prepare_private());
  }
}

TEST_F(StorageTest, AppendsToAFileThatOnlyWeRead) {
  ASSERT_TRUE(state.append("log", "one\n"));
  ASSERT_TRUE(state.append("log", "two\n"));
  EXPECT_EQ(state.read("log")->value(), "one\ntwo\n");
  EXPECT_EQ(mode(directory.path() / "log"), 0600u);
  std::filesystem::create_symlink("/dev/null", directory.path() / "link");
  EXPECT_FALSE(state.append("link", "text"));
}

TEST_F(StorageTest, NothingLeavesTheDirectory) {
  for (const std::string name : {"", ".", "..", "../x", "a/b", "/etc/x"}) {
    EXPECT_FALSE(folder.append(name, "text")) << name;
    EXPECT_FALSE(folder.write(name, "text")) << name;
    EXPECT_FALSE(folder.read(name)) << name;
  }
  ASSERT_TRUE(state.write("kept", "text"));
  folder.remove("../kept");
  EXPECT_EQ(state.read("kept")->value(), "text");
  state.remove("kept");
  state.remove("kept");
  EXPECT_EQ(*state.read("kept"), std::nullopt);
}

}  // namespace
}  // namespace ptproxy
