#pragma once
/// \file
/// Programs that run beside us, for a transport whose work another program does.

#include <ptproxy/stream.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace ptproxy {

/// What to run.
class Command {
 public:
  /// A bare `program` is sought where systems keep programs (/usr/bin, /usr/sbin, ...), whatever PATH says. `directory`
  /// is where it runs. It gets the environment of a bare system and nothing of ours.
  Command(std::string program, std::vector<std::string> arguments, std::filesystem::path directory)
      : program(std::move(program)), arguments(std::move(arguments)), directory(std::move(directory)) {}
  std::string program;
  std::vector<std::string> arguments;
  std::filesystem::path directory;
};

/// A running program. It and its children are killed when this dies, and it is told to end (SIGTERM) when we are
/// killed.
class Child {
 public:
  static constexpr std::size_t longest_line = 1024;
  virtual ~Child() = default;
  /// Its stdin and stdout, which are one socket, for whoever asks first. Outlives this.
  virtual StreamPtr take_stdio() = 0;
  /// The next line of its stderr: what in it is printable ASCII, cut at longest_line. eof after the last.
  virtual Awaitable<Result<std::string>> next_line() = 0;
  /// Waits for its end: the exit code, or 128 and the number of the signal that ended it.
  virtual Awaitable<Result<int>> exit_code() = 0;
};
using ChildPtr = std::unique_ptr<Child>;

/// Whom the system takes us, and so our children, for.
class Account {
 public:
  std::string name;  ///< empty when it has none
  bool is_root = false;
  bool is_locked = false;  ///< nobody may log in as this user
};

class Processes {
 public:
  /// How long run() may take, and how much it may say.
  static constexpr std::chrono::seconds run_limit{10};
  static constexpr std::size_t longest_output = 64 * 1024;
  virtual ~Processes() = default;
  /// Starts a program that goes on.
  virtual Checked<ChildPtr> start(const Command& command) = 0;
  /// Runs a short program to its end, while everything waits: for start-up only. Its stdout, or why it failed.
  virtual Checked<std::string> run(const Command& command) = 0;
  virtual Account account() const = 0;
  /// Connects to the UNIX socket on which a child listens. The path may be longer than such addresses can be.
  virtual Awaitable<Result<StreamPtr>> dial(const std::filesystem::path& socket) = 0;
};

}  // namespace ptproxy
