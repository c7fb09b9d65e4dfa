#include "io/resolve.h"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <fcntl.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>
#include <thread>

namespace ptproxy {
namespace {

using tcp = asio::ip::tcp;

constexpr int most_lookups = 64;
std::atomic<int> lookups = 0;

error_code error_of(int failure) {
  switch (failure) {
    case 0:
      return {};
    case EAI_AGAIN:
      return asio::error::host_not_found_try_again;
    case EAI_FAIL:
      return asio::error::no_recovery;
    case EAI_MEMORY:
      return asio::error::no_memory;
    case EAI_SYSTEM:
      return {errno, boost::system::system_category()};
    default:
      return asio::error::host_not_found;
  }
}

/// Shared by the waiter and the thread; whoever is last lets go of it.
class Lookup {
 public:
  explicit Lookup(Endpoint name) : name_(std::move(name)), done_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    ++lookups;
  }
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  ~Lookup() {
    --lookups;
    if (done_ >= 0) ::close(done_);
  }
  /// Becomes readable when the result is there.
  int done() const { return done_; }
  /// On the thread.
  void run() {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    error_ = error_of(::getaddrinfo(name_.host().c_str(), nullptr, &hints, &found));
    try {
      for (const auto* row = found; row; row = row->ai_next) take(*row);
    } catch (const std::bad_alloc&) {
      error_ = asio::error::no_memory;
    }
    if (found) ::freeaddrinfo(found);
    ready_.store(true, std::memory_order_release);
    (void)::eventfd_write(done_, 1);
  }
  Result<std::vector<tcp::endpoint>> result() {
    if (!ready_.load(std::memory_order_acquire)) return error_code(asio::error::operation_aborted);
    if (error_) return error_;
    if (addresses_.empty()) return error_code(asio::error::host_not_found);
    return std::move(addresses_);
  }

 private:
  void take(const addrinfo& row) {
    tcp::endpoint address;
    if (row.ai_addrlen > address.capacity()) return;
    std::memcpy(address.data(), row.ai_addr, row.ai_addrlen);
    address.port(name_.port());
    addresses_.push_back(address);
  }

  Endpoint name_;
  int done_;
  std::atomic<bool> ready_ = false;
  error_code error_;
  std::vector<tcp::endpoint> addresses_;
};

/// The loop's end of a lookup; ends when the loop drains.
class Waiter final : private LiveSockets::Member {
 public:
  explicit Waiter(Loop& loop) : Member(loop.live), done_(loop.executor) {}
  error_code watch(int done) {
    const int copy = ::fcntl(done, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return {errno, boost::system::system_category()};
    error_code ec;
    done_.assign(copy, ec);
    if (ec) ::close(copy);
    return ec;
  }
  auto wait() { return done_.async_wait(asio::posix::descriptor_base::wait_read, as_tuple); }

 private:
  void drain() override { cut(); }
  void cut() override {
    error_code ignored;
    done_.cancel(ignored);
  }
  asio::posix::basic_stream_descriptor<Executor> done_;
};

}  // namespace

Awaitable<Result<std::vector<tcp::endpoint>>> resolve(Loop& loop, const Endpoint& name) {
  if (loop.live.draining()) co_return error_code(asio::error::operation_aborted);
  if (lookups >= most_lookups) co_return error_code(asio::error::host_not_found_try_again);
  const auto lookup = std::make_shared<Lookup>(name);
  if (lookup->done() < 0) co_return error_code(errno, boost::system::system_category());
  Waiter waiter(loop);
  const auto unwatched = waiter.watch(lookup->done());
  if (unwatched) co_return unwatched;
  try {
    std::thread([lookup] { lookup->run(); }).detach();
  } catch (const std::system_error&) {
    co_return error_code(asio::error::host_not_found_try_again);
  }
  auto [ec] = co_await waiter.wait();
  if (ec) co_return ec;
  co_return lookup->result();
}

}  // namespace ptproxy
