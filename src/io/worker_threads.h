#pragma once
/// \file
/// A few threads for work that would hold up the event loop.

#include <ptproxy/workers.h>

#include <boost/asio/thread_pool.hpp>

#include <optional>

namespace ptproxy {

/// As many threads as the machine has processors, four at most, started with the first work. Each transport has its
/// own, so that a flood of one leaves the others their share of the processors. Dies before the loop does, and then
/// waits for what is being done; the rest is never begun.
class WorkerThreads final : public Workers {
 public:
  /// So many may wait or be worked on.
  static constexpr std::size_t most_at_once = 128;
  explicit WorkerThreads(Executor executor) : executor_(executor) {}
  Awaitable<Result<>> run(Work work) override;

 private:
  Executor executor_;
  std::size_t at_once_ = 0;
  std::optional<asio::thread_pool> threads_;
};

}  // namespace ptproxy
