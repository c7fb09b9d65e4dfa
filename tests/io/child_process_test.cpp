#include "io/child_process.h"

#include "io/run_handshake.h"
#include "io/spawn.h"
#include "io/timing.h"
#include "support/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

namespace ptproxy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ChildProcessTest : public ::testing::Test {
 protected:
  Command shell(const std::string& script) const { return {"sh", {"-c", script}, folder.path()}; }
  ChildPtr start(const std::string& script) {
    auto child = processes.start(shell(script));
    EXPECT_TRUE(child) << child.error().text();
    return child ? std::move(*child) : nullptr;
  }
  template <class Task>
  void run(Task task) {
    spawn(io.get_executor(), "test", task());
    io.run();
  }
  static bool is_running(int pid) { return ::kill(pid, 0) == 0; }

  test::TemporaryDirectory folder;
  ChunkPool chunks;
  LiveSockets live;
  asio::io_context io{1};
  SystemClock clock{io.get_executor()};
  Loop loop{io.get_executor(), chunks, live};
  SystemProcesses processes{loop};
};

Awaitable<std::string> read_all(Stream& stream) {
  std::string all;
  for (;;) {
    auto heard = co_await stream.read();
    if (!heard) co_return all;
    all += as_text(heard->bytes());
  }
}

Awaitable<std::vector<std::string>> all_lines(Child& child) {
  std::vector<std::string> lines;
  for (;;) {
    auto line = co_await child.next_line();
    if (!line) co_return lines;
    lines.push_back(std::move(*line));
  }
}

TEST_F(ChildProcessTest, ItsStdinAndStdoutAreOneStream) {
  std::string heard;
  run([&]() -> Awaitable<> {
    auto child = start("tr a-z A-Z");
    auto stdio = child->take_stdio();
    (void)co_await write_all(*stdio, chunks, as_bytes("through a child"));
    stdio->shutdown_write();
    heard = co_await read_all(*stdio);
    EXPECT_EQ(*co_await child->exit_code(), 0);
  });
  EXPECT_EQ(heard, "THROUGH A CHILD");
  EXPECT_EQ(live.count(), 0u);
}

TEST_F(ChildProcessTest, TellsItsLinesAndItsExitCode) {
  run([&]() -> Awaitable<> {
    auto child = start("echo one >&2; printf 'two\\nthree' >&2; exit 7");
    EXPECT_THAT(co_await all_lines(*child), ElementsAre("one", "two"));
    EXPECT_EQ(*co_await child->exit_code(), 7);
    EXPECT_EQ(*co_await child->exit_code(), 7) << "told as often as one asks";
  });
}

TEST_F(ChildProcessTest, CutsALineThatIsTooLong) {
  run([&]() -> Awaitable<> {
    auto child = start("head -c 5000 /dev/zero | tr '\\0' x >&2; echo >&2; echo next >&2");
    EXPECT_THAT(co_await all_lines(*child), ElementsAre(std::string(Child::longest_line, 'x'), "next"));
  });
}

TEST_F(ChildProcessTest, KeepsOfALineWhatIsPrintable) {
  run([&]() -> Awaitable<> {
    auto child = start("printf 'a\\033[2J\\tb\\r\\303\\244\\n\\177\\n' >&2");
    EXPECT_THAT(co_await all_lines(*child), ElementsAre("a[2Jb", ""));
  });
}

TEST_F(ChildProcessTest, TellsTheSignalThatEndedIt) {
  run([&]() -> Awaitable<> {
    auto child = start("kill -9 $$");
    EXPECT_EQ(*co_await child->exit_code(), 128 + SIGKILL);
  });
}

TEST_F(ChildProcessTest, InheritsNothingOfOurs) {
  ::setenv("PTPROXY_TEST_SECRET", "1", 1);
  std::signal(SIGPIPE, SIG_IGN);
  const int open_here = ::fcntl(STDERR_FILENO, F_DUPFD, 200);  // not close-on-exec
  run([&]() -> Awaitable<> {
    auto child = start("set | grep -c SECRET >&2; ls /proc/self/fd | grep -cx " + std::to_string(open_here) +
                       " >&2; grep SigIgn /proc/self/status >&2; pwd >&2");
    EXPECT_THAT(co_await all_lines(*child),
                ElementsAre("0", "0", "SigIgn:0000000000000000", std::filesystem::canonical(folder.path()).native()));
  });
  ::close(open_here);
}

TEST_F(ChildProcessTest, IsKilledWithWhatItStarted) {
  int grandchild = 0;
  run([&]() -> Awaitable<> {
    auto child = start("sleep 100 & echo $! >&2; wait");
    auto line = co_await child->next_line();
    grandchild = std::stoi(*line);
    EXPECT_TRUE(is_running(grandchild));
  });
  for (int i = 0; i < 200 && is_running(grandchild); ++i) {
    std::ifstream stat("/proc/" + std::to_string(grandchild) + "/stat");
    std::string text((std::istreambuf_iterator<char>(stat)), {});
    if (text.find(") Z") != std::string::npos) return;  // dead, and nobody's any more
    ::usleep(10000);
  }
  EXPECT_FALSE(is_running(grandchild));
}

TEST_F(ChildProcessTest, SaysWhyAProgramCannotBeStarted) {
  auto missing = processes.start(Command("ptproxy-no-such-program", {}, folder.path()));
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text(), HasSubstr("there is no program ptproxy-no-such-program"));
  auto nowhere = processes.start(Command("sh", {}, folder.path() / "nowhere"));
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().text(), HasSubstr("sh cannot be started: No such file or directory"));
}

TEST_F(ChildProcessTest, RunsAShortProgramToItsEnd) {
  auto said = processes.run(shell("echo hello; echo noise >&2"));
  ASSERT_TRUE(said) << said.error().text();
  EXPECT_EQ(*said, "hello\n");
  EXPECT_FALSE(processes.run(shell("echo hello; exit 1")));
  EXPECT_FALSE(processes.run(shell("kill -9 $$")));
  EXPECT_FALSE(processes.run(shell("head -c 100000 /dev/zero; sleep 100")));
}

TEST_F(ChildProcessTest, SaysWhyAShortProgramFailed) {
  EXPECT_EQ(processes.run(shell("echo half; echo 'no \033[31mkey' >&2; echo giving up >&2; exit 1")).error().text(),
            "sh failed: no [31mkey");
  EXPECT_EQ(processes.run(shell("exit 1")).error().text(), "sh failed");
  EXPECT_TRUE(processes.run(shell("head -c 30000 /dev/zero >&2")));
}

TEST_F(ChildProcessTest, EndsAShortProgramThatIsNotShort) {
  SystemProcesses hasty(loop, std::chrono::milliseconds(200));
  for (const auto* script : {"sleep 100", "echo half; sleep 100", "exec >&-; sleep 100", "sleep 100 & wait"})
    EXPECT_THAT(hasty.run(shell(script)).error().text(), HasSubstr("does not come to an end")) << script;
}

TEST_F(ChildProcessTest, DialsASocketBehindALongPath) {
  const auto deep = folder.path() / std::string(120, 'd');
  std::filesystem::create_directory(deep);
  // Bound under a short name, as a child does in its own directory.
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto link = folder.path() / "l";
  std::filesystem::create_directory_symlink(deep, link);
  (link / "s").native().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  run([&]() -> Awaitable<> {
    auto stream = co_await processes.dial(deep / "s");
    EXPECT_TRUE(stream) << stream.error().message();
    const int accepted = ::accept(listener, nullptr, nullptr);
    EXPECT_EQ(::write(accepted, "hi", 2), 2);
    ::close(accepted);
    EXPECT_EQ(co_await read_all(**stream), "hi");
    EXPECT_EQ((*stream)->peer(), std::nullopt);
    auto nobody = co_await processes.dial(deep / "t");
    EXPECT_FALSE(nobody);
  });
  ::close(listener);
}

}  // namespace
}  // namespace ptproxy
