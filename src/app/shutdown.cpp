#include "app/shutdown.h"

#include <ptproxy/log.h>

#include "io/spawn.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace ptproxy {
namespace {

constexpr std::chrono::milliseconds parent_check{500};
// A connection on which nothing has moved for so long has nothing left to finish.
constexpr std::chrono::seconds quiet_limit{1};
// What was cut may still say to the log what became of it.
constexpr std::chrono::milliseconds last_words_limit{50};
constexpr std::size_t longest_file = 1 << 20;

/// A descriptor that may be made not to block. A terminal's or a pipe's is opened once more, since what we did to the
/// one that we were given would be done to stdout and to the parent, too, where they share it.
int stdin_of_our_own() {
  struct stat what {};
  if (::fstat(STDIN_FILENO, &what) == 0 && (S_ISCHR(what.st_mode) || S_ISFIFO(what.st_mode))) {
    const int again = ::open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (again >= 0) return again;
  }
  return ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
}

/// What can be read without waiting, up to a limit: a device may never end.
void read_file(int descriptor, const std::function<void(std::string_view)>& hear) {
  char part[4096];
  for (std::size_t left = longest_file; left > 0;) {
    const auto n = ::read(descriptor, part, std::min(left, sizeof part));
    if (n <= 0) return;
    hear({part, static_cast<std::size_t>(n)});
    left -= static_cast<std::size_t>(n);
  }
}

}  // namespace

Shutdown::Shutdown(Executor executor, LiveSockets& live, std::chrono::seconds drain_timeout, std::function<void()> end)
    : executor_(executor), live_(live), drain_timeout_(drain_timeout), end_(std::move(end)), signals_(executor) {}

void Shutdown::begin(const char* why) {
  if (begun_) return;
  begun_ = true;
  log::notice("ending: {}", why);
  spawn(executor_, "drain", limit_drain());
  live_.drain(end_);
}

Awaitable<> Shutdown::limit_drain() {
  for (auto left = drain_timeout_; left.count() > 0; left -= quiet_limit) {
    SteadyTimer timer(executor_, quiet_limit);
    (void)co_await timer.async_wait(as_tuple);
    live_.end_quiet();
  }
  live_.cut();
  SteadyTimer timer(executor_, last_words_limit);
  (void)co_await timer.async_wait(as_tuple);
  end_();
}

void Shutdown::watch_signals() {
  error_code ignored;
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) signals_.add(signal, ignored);
  next_signal();
}

void Shutdown::next_signal() {
  signals_.async_wait([this](error_code ec, int signal) {
    if (ec) return;
    if (signal != SIGHUP && signalled_) return end_();
    if (signal != SIGHUP) {
      signalled_ = true;
      begin("a signal asks for it");
    }
    next_signal();
  });
}

void Shutdown::watch_stdin(bool ends_with_it, std::function<void(std::string_view)> hear) {
  hear_ = std::move(hear);
  spawn(executor_, "stdin", read_stdin(), [this, ends_with_it] {
    if (ends_with_it) begin("stdin is closed");
  });
}

Awaitable<> Shutdown::read_stdin() {
  Descriptor in(executor_);
  error_code ec;
  const int copy = stdin_of_our_own();
  in.assign(copy, ec);
  if (ec && copy >= 0) {
    // A regular file or /dev/null cannot be waited for; nobody holds the other end of it open either.
    read_file(copy, hear_);
    ::close(copy);
  }
  while (!ec) {
    char part[512];
    auto [failed, n] = co_await in.async_read_some(asio::buffer(part), as_tuple);
    ec = failed;
    if (!ec) hear_({part, n});
  }
}

void Shutdown::watch_parent(int parent) {
  spawn(executor_, "parent", wait_for_parent(parent));
}

Awaitable<> Shutdown::wait_for_parent(int parent) {
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, parent, 0));
  error_code ec;
  Descriptor watched(executor_);
  if (pidfd >= 0) watched.assign(pidfd, ec);
  // Without pidfds (an old kernel, a sandbox) the parent's death shows in having another parent.
  while (::getppid() == parent) {
    if (pidfd >= 0 && !ec) {
      auto [failed] = co_await watched.async_wait(Descriptor::wait_read, as_tuple);
      if (!failed) break;
      ec = failed;
    }
    SteadyTimer timer(executor_, parent_check);
    (void)co_await timer.async_wait(as_tuple);
  }
  begin("the parent is gone");
}

}  // namespace ptproxy
