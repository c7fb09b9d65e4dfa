#include "io/launch.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace ptproxy {
namespace {

constexpr std::array<const char*, 6> program_directories{"/usr/bin", "/usr/sbin",      "/bin",
                                                         "/sbin",    "/usr/local/bin", "/usr/local/sbin"};
constexpr int exec_failed = 127;
constexpr int most_descriptors_without_close_range = 65536;

Checked<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return Checked<std::string>(boost::system::in_place_value, name);
  for (const auto* directory : program_directories) {
    auto path = fmt::format("{}/{}", directory, name);
    if (::access(path.c_str(), X_OK) == 0) return Checked<std::string>(boost::system::in_place_value, std::move(path));
  }
  return Refusal(fmt::format("there is no program {} on this machine", name));
}

/// All that the child needs, made before the fork: behind it, only what is safe in a signal handler is allowed.
class Launch {
 public:
  Launch(std::string path, const Command& command, int in, int out, int errors, int report)
      : path_(std::move(path)),
        directory_(command.directory),
        words_(command.arguments),
        descriptors_{in, out, errors},
        report_(report),
        parent_(::getpid()) {
    arguments_.push_back(path_.data());
    for (auto& word : words_) arguments_.push_back(word.data());
    arguments_.push_back(nullptr);
  }

  [[noreturn]] void become() {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent_) ::_exit(exec_failed);  // died before it could be told
    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (int to = 0; to < 3; ++to)
      if (::dup2(descriptors_[static_cast<std::size_t>(to)], to) < 0) fail();
    close_the_rest();
    if (::chdir(directory_.c_str()) != 0) fail();
    ::execve(path_.c_str(), arguments_.data(), environment_.data());
    fail();
  }

 private:
  [[noreturn]] void fail() const {
    const int error = errno;
    (void)!::write(report_, &error, sizeof error);
    ::_exit(exec_failed);
  }
  /// At exec, so that the report can still be made.
  static void close_the_rest() {
    if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
    for (int i = 3; i < most_descriptors_without_close_range; ++i) ::fcntl(i, F_SETFD, FD_CLOEXEC);
  }

  std::string path_, directory_;
  std::vector<std::string> words_;
  std::vector<char*> arguments_;
  std::string search_path_ = "PATH=/usr/bin:/usr/sbin:/bin:/sbin", shell_ = "SHELL=/bin/sh", language_ = "LC_ALL=C";
  std::array<char*, 4> environment_{search_path_.data(), shell_.data(), language_.data(), nullptr};
  std::array<int, 3> descriptors_;
  int report_;
  pid_t parent_;
};

Refusal cannot_start(const Command& command, int error) {
  return Refusal(fmt::format("{} cannot be started: {}", command.program, std::strerror(error)));
}

}  // namespace

OwnedDescriptor::~OwnedDescriptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

DescriptorPair DescriptorPair::pipe() {
  DescriptorPair pair;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return pair;
  pair.ours = OwnedDescriptor(ends[0]);
  pair.theirs = OwnedDescriptor(ends[1]);
  return pair;
}

DescriptorPair DescriptorPair::sockets() {
  DescriptorPair pair;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return pair;
  pair.ours = OwnedDescriptor(ends[0]);
  pair.theirs = OwnedDescriptor(ends[1]);
  return pair;
}

Checked<pid_t> launch(const Command& command, int in, int out, int errors) {
  auto path = find_program(command.program);
  if (!path) return path.error();
  auto report = DescriptorPair::pipe();
  if (!report.ours.opened()) return cannot_start(command, errno);
  Launch child(std::move(*path), command, in, out, errors, report.theirs.get());

  sigset_t all, before;
  sigfillset(&all);
  // No handler of ours may run in the child.
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  const int fork_error = errno;
  if (pid == 0) child.become();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return cannot_start(command, fork_error);
  report.theirs = OwnedDescriptor();

  int error = 0;
  ssize_t n = 0;
  do n = ::read(report.ours.get(), &error, sizeof error);
  while (n < 0 && errno == EINTR);
  if (n <= 0) return pid;
  ::waitpid(pid, nullptr, 0);
  return cannot_start(command, error);
}

}  // namespace ptproxy
