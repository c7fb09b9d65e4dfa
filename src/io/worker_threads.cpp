#include "io/worker_threads.h"

#include "io/timing.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <system_error>

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

WorkerThreads::~WorkerThreads() {
  jobs_.stop();
  for (auto& thread : threads_) thread.join();
}

void WorkerThreads::start() {
  const auto wanted = std::clamp(std::thread::hardware_concurrency(), 1U, most_threads);
  threads_.reserve(wanted);
  try {
    while (threads_.size() < wanted) threads_.emplace_back([this] { jobs_.run(); });
  } catch (const std::system_error&) {
    // A limit on threads: those that there are do all of it.
  }
}

Awaitable<Result<>> WorkerThreads::run(Work work) {
  if (at_once_ == most_at_once) co_return make_error_code(Errc::overloaded);
  if (threads_.empty()) start();
  if (threads_.empty()) {
    work();
    co_return Result<>();
  }
  auto job = std::make_shared<Job>(executor_, std::move(work));
  asio::post(jobs_, [waited_for = std::weak_ptr(job), loop = executor_] {
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
