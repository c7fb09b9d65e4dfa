#include "io/worker_threads.h"

#include "io/timing.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <thread>

namespace ptproxy {
namespace {

constexpr unsigned most_threads = 4;

class Job {
 public:
  Job(Executor executor, Work what) : work(std::move(what)), done(executor) {}
  Work work;
  Bell done;
  std::exception_ptr thrown;
};

}  // namespace

Awaitable<Result<>> WorkerThreads::run(Work work) {
  if (at_once_ == most_at_once) co_return make_error_code(Errc::overloaded);
  if (!threads_) threads_.emplace(std::clamp(std::thread::hardware_concurrency(), 1U, most_threads));
  auto job = std::make_shared<Job>(executor_, std::move(work));
  asio::post(*threads_, [waited_for = std::weak_ptr(job), loop = executor_] {
    auto mine = waited_for.lock();
    if (!mine) return;
    try {
      mine->work();
    } catch (...) {
      mine->thrown = std::current_exception();
    }
    // With the last word goes the ownership: a job dies on the loop, whose timer it holds.
    asio::post(loop, [mine = std::move(mine)] { mine->done.ring(); });
  });
  ++at_once_;
  auto ended = co_await job->done.wait();
  --at_once_;
  if (!ended) co_return ended.error();
  if (job->thrown) std::rethrow_exception(job->thrown);
  co_return Result<>();
}

}  // namespace ptproxy
