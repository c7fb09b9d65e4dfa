#pragma once
/// \file
/// A few threads for work that would hold up the event loop.

#include <ptproxy/workers.h>

#include <boost/asio/executor_work_guard.hpp>

#include <thread>
#include <vector>

namespace ptproxy {

/// As many threads as the machine has processors, four at most, started with the first work; fewer where the system
/// gives no more, and where it gives none the loop does the work itself. Each transport has its
/// own, so that a flood of one leaves the others their share of the processors. Dies before the loop does, and then
/// waits for what is being done; the rest is never begun.
class WorkerThreads final : public Workers {
 public:
  /// So many may wait or be worked on.
  static constexpr std::size_t most_at_once = 128;
  explicit WorkerThreads(Executor executor) : executor_(executor) {}
  ~WorkerThreads() override;
  Awaitable<Result<>> run(Work work) override;

 private:
  void start();

  Executor executor_;
  std::size_t at_once_ = 0;
  asio::io_context jobs_;
  asio::executor_work_guard<Executor> more_jobs_may_come_{jobs_.get_executor()};
  std::vector<std::thread> threads_;
};

}  // namespace ptproxy
