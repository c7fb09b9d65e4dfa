#include "io/child_process.h"

#include "io/launch.h"
#include "io/timing.h"

#include <fmt/format.h>

#include <boost/asio/local/stream_protocol.hpp>

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <shadow.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iterator>

namespace ptproxy {
namespace {

using LocalSocket = asio::basic_stream_socket<asio::local::stream_protocol, Executor>;

constexpr std::chrono::milliseconds check_without_pidfd{100};
constexpr int signal_codes = 128;

int open_pidfd(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

using Deadline = std::chrono::steady_clock::time_point;

bool readable_by(int descriptor, Deadline deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd readable{descriptor, POLLIN, 0};
    const int ready = left.count() > 0 ? ::poll(&readable, 1, static_cast<int>(left.count())) : 0;
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

/// Waits for what a short program says; nullopt when it takes too long or says too much.
std::optional<std::string> read_all(int from, Deadline deadline) {
  std::string text;
  for (;;) {
    if (!readable_by(from, deadline)) return std::nullopt;
    char part[4096];
    const auto n = ::read(from, part, sizeof part);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(part, static_cast<std::size_t>(n));
    if (text.size() > Processes::longest_output) return std::nullopt;
  }
}

bool is_printable(char c) {
  return c >= ' ' && c <= '~';
}

/// Of what a program complained about, the first line: what follows is mostly its consequences.
std::string first_line(std::string_view complaint) {
  std::string line;
  for (const char c : complaint.substr(0, complaint.find('\n')))
    if (is_printable(c)) line += c;
  return line;
}

/// Whether it ends in time. Where there are no pidfds, one that has nothing more to say is trusted to.
bool ends_by(pid_t pid, Deadline deadline) {
  const OwnedDescriptor end(open_pidfd(pid));
  return !end.opened() || readable_by(end.get(), deadline);
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

Checked<ChildPtr> ChildProcess::start(Loop& loop, const Command& command) {
  auto stdio = DescriptorPair::sockets(), errors = DescriptorPair::pipe();
  if (!stdio.ours.opened() || !errors.ours.opened())
    return Refusal(fmt::format("{} cannot be started: {}", command.program, std::strerror(errno)));
  LocalSocket socket(loop.executor);
  error_code ec;
  socket.assign(asio::local::stream_protocol(), stdio.ours.get(), ec);
  if (ec) return Refusal(fmt::format("{} cannot be started: {}", command.program, ec.message()));
  stdio.ours.release();
  auto pid = launch(command, stdio.theirs.get(), stdio.theirs.get(), errors.theirs.get());
  if (!pid) return pid.error();
  auto stream = std::make_unique<SocketStream>(loop, std::move(socket));
  std::unique_ptr<ChildProcess> child(new ChildProcess(loop, *pid, std::move(stream)));
  child->errors_.assign(errors.ours.get(), ec);
  if (ec) return Refusal(fmt::format("{} cannot be started: {}", command.program, ec.message()));
  errors.ours.release();
  return ChildPtr(std::move(child));
}

ChildProcess::ChildProcess(Loop& loop, pid_t pid, StreamPtr stdio)
    : executor_(loop.executor), pid_(pid), stdio_(std::move(stdio)), errors_(loop.executor), end_(loop.executor) {
  error_code ignored;
  const int pidfd = open_pidfd(pid);
  if (pidfd >= 0) end_.assign(pidfd, ignored);
  if (pidfd >= 0 && ignored) ::close(pidfd);
}

ChildProcess::~ChildProcess() {
  if (reaped_) return;
  ::kill(-pid_, SIGKILL);
  reap(0);
}

bool ChildProcess::reap(int options) {
  if (reaped_) return true;
  siginfo_t ended{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT | options) < 0 && errno == EINTR) {
  }
  if (ended.si_pid != pid_) return false;
  // What it started may live on in its group, whose number is nobody else's until it is reaped.
  ::kill(-pid_, SIGKILL);
  status_ = wait_for(pid_);
  return reaped_ = true;
}

Awaitable<Result<std::string>> ChildProcess::next_line() {
  for (;;) {
    const auto end = heard_.find('\n');
    if (end != std::string::npos) {
      std::string line = heard_.substr(0, end);
      heard_.erase(0, end + 1);
      if (std::exchange(cut_, false)) continue;
      co_return Result<std::string>(boost::system::in_place_value, std::move(line));
    }
    if (heard_.size() >= longest_line) {
      std::string line = std::exchange(heard_, {});
      if (std::exchange(cut_, true)) continue;
      co_return Result<std::string>(boost::system::in_place_value, std::move(line));
    }
    char part[256];
    const auto room = std::min(sizeof part, longest_line - heard_.size());
    auto [ec, n] = co_await errors_.async_read_some(asio::buffer(part, room), as_tuple);
    if (ec) co_return ec;
    // Whoever it talks to may have had a hand in its words: nothing that moves a terminal's cursor goes into a log.
    std::copy_if(part, part + n, std::back_inserter(heard_), [](char c) { return c == '\n' || is_printable(c); });
  }
}

Awaitable<Result<int>> ChildProcess::exit_code() {
  while (!reap(WNOHANG)) {
    error_code ec;
    if (end_.is_open()) {
      ec = std::get<0>(co_await end_.async_wait(Descriptor::wait_read, as_tuple));
    } else {
      SteadyTimer timer(executor_, check_without_pidfd);
      ec = std::get<0>(co_await timer.async_wait(as_tuple));
    }
    if (ec) co_return ec;
  }
  co_return WIFEXITED(status_) ? WEXITSTATUS(status_) : signal_codes + WTERMSIG(status_);
}

Checked<std::string> SystemProcesses::run(const Command& command) {
  auto output = DescriptorPair::pipe(), errors = DescriptorPair::pipe();
  const OwnedDescriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!output.ours.opened() || !errors.ours.opened() || !nothing.opened())
    return Refusal(fmt::format("{} cannot be started: {}", command.program, std::strerror(errno)));
  auto pid = launch(command, nothing.get(), output.theirs.get(), errors.theirs.get());
  if (!pid) return pid.error();
  output.theirs = OwnedDescriptor(), errors.theirs = OwnedDescriptor();
  const auto deadline = std::chrono::steady_clock::now() + limit_;
  auto text = read_all(output.ours.get(), deadline);
  const bool ended = text && ends_by(*pid, deadline);
  if (!ended) ::kill(-*pid, SIGKILL);
  const int status = wait_for(*pid);
  if (!ended) return Refusal(fmt::format("{} does not come to an end", command.program));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    // A pipe keeps what a program says, up to 64 KiB; one that complains about more than that does not come to an end.
    const auto why = first_line(read_all(errors.ours.get(), deadline).value_or(""));
    return Refusal(fmt::format("{} failed{}{}", command.program, why.empty() ? "" : ": ", why));
  }
  return Checked<std::string>(boost::system::in_place_value, std::move(*text));
}

Account SystemProcesses::account() const {
  Account account;
  account.is_root = ::geteuid() == 0;
  const passwd* user = ::getpwuid(::geteuid());
  if (!user) return account;
  account.name = user->pw_name;
  // Only root may ask for most passwords; nss-systemd answers everybody for the account "nobody".
  const spwd* shadow = ::getspnam(account.name.c_str());
  const char* password = shadow ? shadow->sp_pwdp : user->pw_passwd;
  account.is_locked = password && *password == '!';
  return account;
}

Awaitable<Result<StreamPtr>> SystemProcesses::dial(const std::filesystem::path& socket) {
  // An address has room for 108 bytes: the directory is named by its descriptor.
  const OwnedDescriptor directory(::open(socket.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.opened()) co_return error_code(errno, boost::system::system_category());
  LocalSocket local(loop_.executor);
  const asio::local::stream_protocol::endpoint there(
      fmt::format("/proc/self/fd/{}/{}", directory.get(), socket.filename().native()));
  auto [ec] = co_await local.async_connect(there, as_tuple);
  if (ec) co_return ec;
  co_return std::make_unique<SocketStream>(loop_, std::move(local));
}

}  // namespace ptproxy
