#pragma once
/// \file
/// When to end, and how: gently once, at once the second time.

#include "io/live_sockets.h"
#include "io/timing.h"

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>

#include <chrono>
#include <functional>

namespace ptproxy {

class Shutdown {
 public:
  /// `end` stops the event loop. Everything passed by reference outlives this.
  Shutdown(Executor executor, LiveSockets& live, std::chrono::seconds drain_timeout, std::function<void()> end);

  /// SIGTERM and SIGINT; SIGHUP is noted and changes nothing.
  void watch_signals();
  /// Reads stdin to its end, and then ends if `ends_with_it`. What comes in goes to `hear`.
  void watch_stdin(bool ends_with_it, std::function<void(std::string_view)> hear);
  /// The parent's death.
  void watch_parent(int parent);

 private:
  using Descriptor = asio::posix::basic_stream_descriptor<Executor>;

  void begin(const char* why);
  void next_signal();
  Awaitable<> read_stdin();
  Awaitable<> wait_for_parent(int parent);
  Awaitable<> limit_drain();

  Executor executor_;
  LiveSockets& live_;
  std::chrono::seconds drain_timeout_;
  std::function<void()> end_;
  std::function<void(std::string_view)> hear_;
  asio::basic_signal_set<Executor> signals_;
  bool begun_ = false;
  bool signalled_ = false;
};

}  // namespace ptproxy
