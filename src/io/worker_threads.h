#pragma once
/// \file
/// A few threads for work that would hold up the event loop.

#include <ptproxy/workers.h>

#include <boost/asio/thread_pool.hpp>

#include <optional>

namespace ptproxy {

/// As many threads as the machine has processors, four at most, started with the first work. Dies before the loop does,
/// and then waits for what is being done; the rest is never begun.
class WorkerThreads final : public Workers {
 public:
  explicit WorkerThreads(Executor executor) : executor_(executor) {}
  Awaitable<Result<>> run(Work work) override;

 private:
  Executor executor_;
  std::optional<asio::thread_pool> threads_;
};

}  // namespace ptproxy
