#pragma once
/// \file
/// Child processes of this system.

#include <ptproxy/processes.h>

#include "io/socket_stream.h"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <sys/types.h>

namespace ptproxy {

/// A child of ours: a process group of its own, its stderr in a pipe, its end told by a pidfd.
class ChildProcess final : public Child {
 public:
  static Checked<ChildPtr> start(Loop& loop, const Command& command);
  ~ChildProcess() override;
  StreamPtr take_stdio() override { return std::move(stdio_); }
  Awaitable<Result<std::string>> next_line() override;
  Awaitable<Result<int>> exit_code() override;

 private:
  using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
  ChildProcess(Loop& loop, pid_t pid, StreamPtr stdio);
  bool reap(int options);

  Executor executor_;
  pid_t pid_;
  StreamPtr stdio_;
  Descriptor errors_, end_;
  std::string heard_;
  bool cut_ = false;  // the line that is being read is too long
  bool reaped_ = false;
  int status_ = 0;
};

class SystemProcesses final : public Processes {
 public:
  explicit SystemProcesses(Loop& loop, std::chrono::milliseconds limit = run_limit) : loop_(loop), limit_(limit) {}
  Checked<ChildPtr> start(const Command& command) override { return ChildProcess::start(loop_, command); }
  Checked<std::string> run(const Command& command) override;
  Account account() const override;
  Awaitable<Result<StreamPtr>> dial(const std::filesystem::path& socket) override;

 private:
  Loop& loop_;
  std::chrono::milliseconds limit_;  // of run()
};

}  // namespace ptproxy
