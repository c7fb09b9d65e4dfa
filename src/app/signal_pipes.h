#pragma once
/// \file
/// The signals of all transports, and how they get to the parent and back: as lines on stdout and stdin, or through a
/// file in each direction (docs/signals.md).

#include <ptproxy/clock.h>
#include <ptproxy/signals.h>
#include <ptproxy/storage.h>

#include "io/timing.h"
#include "parent/signal_lines.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>

namespace ptproxy {

/// One transport's.
class SignalPipe final : public Signals {
 public:
  /// Queues no more than this before the transport asks for it.
  static constexpr std::size_t most_waiting = 64;
  using Say = std::function<void(const SignalLine& line)>;

  SignalPipe(std::string transport, SignalDirection outgoing, Executor executor, Clock& clock, Say say)
      : transport_(std::move(transport)), outgoing_(outgoing), clock_(clock), say_(std::move(say)), filled_(executor) {}
  Checked<> send(std::string_view payload) override;
  Awaitable<Result<std::string>> receive() override;
  /// A message from the other side, unless it is a repetition.
  void deliver(const SignalLine& line);

 private:
  std::string transport_;
  SignalDirection outgoing_;
  Clock& clock_;
  Say say_;
  std::deque<std::pair<std::string, Clock::TimePoint>> sent_;  // ids, and when
  RecentIds received_;
  std::deque<std::string> waiting_;
  Bell filled_;
};

class SignalPipes {
 public:
  /// Writes a line to the parent; empty: the pipes go through files.
  using Say = SignalPipe::Say;
  /// A client sends to_server. Everything passed by reference outlives this.
  SignalPipes(SignalDirection outgoing, Executor executor, Clock& clock, const Storage& state, Say say)
      : outgoing_(outgoing), executor_(executor), clock_(clock), state_(state), say_(std::move(say)) {}
  /// The pipe of a transport. Lines for any other are not wanted.
  Signals& open(std::string_view transport);
  bool any() const { return !pipes_.empty(); }
  bool by_files() const { return !say_; }
  /// What came in on stdin, cut anywhere.
  void hear(std::string_view part);

 private:
  SignalDirection incoming() const {
    return outgoing_ == SignalDirection::to_server ? SignalDirection::to_client : SignalDirection::to_server;
  }
  void take(std::string_view line);
  void write_outbox(const SignalLine& line);
  Awaitable<> watch_inbox(Storage folder);

  SignalDirection outgoing_;
  Executor executor_;
  Clock& clock_;
  const Storage& state_;
  Say say_;
  std::map<std::string, std::unique_ptr<SignalPipe>, std::less<>> pipes_;
  LineSplitter stdin_lines_;
  bool unknown_keyword_told_ = false;
};

}  // namespace ptproxy
