// Programs that run in the test's imagination.
#pragma once
#include <ptproxy/processes.h>

#include "support/manual_loop.h"

#include <deque>
#include <functional>

namespace ptproxy::test {

/// What the test knows of a child that was started; may outlive it.
class FakeProgram {
 public:
  FakeProgram(Executor executor, Command command) : command(std::move(command)), news(executor), over(executor) {
    std::tie(stdio, theirs) = memory_pipe(executor);
  }
  void say(std::string line) {
    lines.push_back(std::move(line));
    news.ring();
  }
  void end(int code) {
    exit_code = code;
    theirs->close();
    news.ring();
    over.ring();
  }

  Command command;
  StreamPtr stdio, theirs;
  std::deque<std::string> lines;
  Bell news, over;
  std::optional<int> exit_code;
  bool killed = false;
};

class FakeProcesses final : public Processes {
 public:
  explicit FakeProcesses(Executor executor) : network(executor), executor_(executor) {}

  Checked<ChildPtr> start(const Command& command) override {
    if (missing) return Refusal("there is no such program");
    started.push_back(std::make_shared<FakeProgram>(executor_, command));
    if (on_start) on_start(*started.back());
    return ChildPtr(new FakeChild(started.back()));
  }
  Checked<std::string> run(const Command& command) override {
    ran.push_back(command);
    return answer(command);
  }
  Account account() const override { return who; }
  Awaitable<Result<StreamPtr>> dial(const std::filesystem::path& socket) override {
    dialled = socket;
    const Endpoint unused;
    co_return co_await network.dial(unused);
  }

  std::function<void(FakeProgram&)> on_start;
  std::function<Checked<std::string>(const Command&)> answer;
  std::vector<std::shared_ptr<FakeProgram>> started;
  std::vector<Command> ran;
  std::filesystem::path dialled;
  MemoryNetwork network;  // where dial() leads
  Account who{"alice", false, false};
  bool missing = false;

 private:
  class FakeChild final : public Child {
   public:
    explicit FakeChild(std::shared_ptr<FakeProgram> program) : program_(std::move(program)) {}
    ~FakeChild() override {
      program_->killed = !program_->exit_code;
      program_->theirs->close();
    }
    StreamPtr take_stdio() override { return std::move(program_->stdio); }
    Awaitable<Result<std::string>> next_line() override {
      while (program_->lines.empty()) {
        if (program_->exit_code) co_return error_code(asio::error::eof);
        auto rung = co_await program_->news.wait();
        if (!rung) co_return rung.error();
      }
      std::string line = std::move(program_->lines.front());
      program_->lines.pop_front();
      co_return Result<std::string>(boost::system::in_place_value, std::move(line));
    }
    Awaitable<Result<int>> exit_code() override {
      while (!program_->exit_code) {
        auto rung = co_await program_->over.wait();
        if (!rung) co_return rung.error();
      }
      co_return *program_->exit_code;
    }

   private:
    std::shared_ptr<FakeProgram> program_;
  };

  Executor executor_;
};

}  // namespace ptproxy::test
