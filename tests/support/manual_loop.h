// An event loop, a clock that stands still until everyone waits, and pipes in memory.
#pragma once
#include <ptproxy/clock.h>
#include <ptproxy/random.h>
#include <ptproxy/transport.h>

#include "io/spawn.h"
#include "io/timing.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <utility>

namespace ptproxy::test {

class ManualLoop final : public Clock {
 public:
  Executor executor() { return io_.get_executor(); }
  TimePoint now() const override { return now_; }
  std::int64_t unix_seconds() const override {
    return start_of_day + std::chrono::duration_cast<std::chrono::seconds>(now_.time_since_epoch()).count();
  }
  Awaitable<Result<>> sleep_until(TimePoint when) override {
    if (when <= now_) co_return Result<>{};
    Bell bell(executor());
    const auto wakes = alarm(when, [&bell] { bell.ring(); });
    co_return co_await bell.wait();
  }
  std::unique_ptr<Alarm> alarm(TimePoint when, std::function<void()> ring) override {
    const Key key{when, next_alarm_++};
    alarms_[key] = std::move(ring);
    return std::make_unique<ManualAlarm>(*this, key);
  }
  /// Takes a coroutine, or a lambda that makes one and lives as long as it.
  template <class Task>
  void spawn(Task task) {
    asio::co_spawn(io_, std::move(task), asio::detached);
  }
  /// Runs all that can run; then moves the clock to the next sleeper; until nobody sleeps.
  void run() { run_until(TimePoint::max()); }
  /// The same, but no further than `end`, at which the clock then stands.
  void run_until(TimePoint end) {
    for (;;) {
      io_.restart();
      while (io_.poll()) {
      }
      if (alarms_.empty() || alarms_.begin()->first.first > end) break;
      now_ = std::max(now_, alarms_.begin()->first.first);
      while (!alarms_.empty() && alarms_.begin()->first.first <= now_) alarms_.extract(alarms_.begin()).mapped()();
    }
    if (end != TimePoint::max()) now_ = end;
  }
  auto seconds() const { return std::chrono::duration_cast<std::chrono::seconds>(now_.time_since_epoch()); }

 private:
  static constexpr std::int64_t start_of_day = 480000 * 3600 + 1800;
  // What has rung is no longer in here; of one moment, in the order in which they were set.
  using Key = std::pair<TimePoint, int>;
  class ManualAlarm final : public Alarm {
   public:
    ManualAlarm(ManualLoop& loop, Key key) : loop_(loop), key_(key) {}
    ~ManualAlarm() override { loop_.alarms_.erase(key_); }

   private:
    ManualLoop& loop_;
    Key key_;
  };
  std::map<Key, std::function<void()>> alarms_;
  int next_alarm_ = 0;
  TimePoint now_{};
  asio::io_context io_;  // suspended coroutines die with it, and hold alarms
};

/// One end of a pipe. A write waits while `most_queued` chunks have not been read, which is its back-pressure.
class MemoryStream final : public Stream {
 public:
  static constexpr std::size_t most_queued = 4;
  struct Half {
    explicit Half(Executor ex) : filled(ex), emptied(ex) {}
    std::deque<Chunk> chunks;
    bool ended = false;   // no more will be written
    bool closed = false;  // nobody will read or write
    Bell filled, emptied;
  };
  MemoryStream(std::shared_ptr<Half> in, std::shared_ptr<Half> out) : in_(std::move(in)), out_(std::move(out)) {}
  ~MemoryStream() override { close(); }
  Awaitable<Result<Chunk>> read() override {
    while (in_->chunks.empty()) {
      if (closed_) co_return error_code(asio::error::operation_aborted);
      if (in_->ended || in_->closed) co_return error_code(asio::error::eof);
      auto rung = co_await in_->filled.wait();
      if (!rung) co_return rung.error();
    }
    Chunk chunk = std::move(in_->chunks.front());
    in_->chunks.pop_front();
    in_->emptied.ring();
    co_return std::move(chunk);
  }
  Awaitable<Result<>> write(Chunk bytes) override {
    while (!out_->closed && out_->chunks.size() >= most_queued) {
      auto rung = co_await out_->emptied.wait();
      if (!rung) co_return rung.error();
    }
    if (out_->closed || out_->ended) co_return error_code(asio::error::broken_pipe);
    if (!bytes.empty()) out_->chunks.push_back(std::move(bytes));
    out_->filled.ring();
    co_return Result<>{};
  }
  void shutdown_write() override {
    out_->ended = true;
    out_->filled.ring();
  }
  void close() override {
    closed_ = true;
    in_->chunks.clear();
    for (auto* half : {in_.get(), out_.get()}) {
      half->closed = true;
      half->filled.ring();
      half->emptied.ring();
    }
  }

 private:
  std::shared_ptr<Half> in_, out_;
  bool closed_ = false;
};

inline std::pair<StreamPtr, StreamPtr> memory_pipe(Executor ex) {
  auto a = std::make_shared<MemoryStream::Half>(ex), b = std::make_shared<MemoryStream::Half>(ex);
  return {std::make_unique<MemoryStream>(a, b), std::make_unique<MemoryStream>(b, a)};
}

/// A network of one address: whoever dials meets whoever accepts.
class MemoryNetwork final : public Dialer, public Listener {
 public:
  explicit MemoryNetwork(Executor ex) : ex_(ex), bell_(ex) {}
  Awaitable<Result<StreamPtr>> dial(const Endpoint& to) override {
    ++dialled_;
    last_dialled_ = to;
    if (refuses_) co_return error_code(asio::error::connection_refused);
    auto [here, there] = memory_pipe(ex_);
    waiting_.push_back(std::move(there));
    bell_.ring();
    co_return std::move(here);
  }
  Awaitable<Result<StreamPtr>> accept() override {
    while (waiting_.empty()) {
      if (closed_) co_return error_code(asio::error::operation_aborted);
      auto rung = co_await bell_.wait();
      if (!rung) co_return rung.error();
    }
    auto stream = std::move(waiting_.front());
    waiting_.pop_front();
    co_return std::move(stream);
  }
  void close() {
    closed_ = true;
    bell_.ring();
  }
  void refuse() { refuses_ = true; }
  int dialled() const { return dialled_; }
  const Endpoint& last_dialled() const { return last_dialled_; }

 private:
  Executor ex_;
  Bell bell_;
  std::deque<StreamPtr> waiting_;
  int dialled_ = 0;
  Endpoint last_dialled_;
  bool refuses_ = false, closed_ = false;
};

/// The services that a transport borrows, all of them under the test's control.
class TestHouse {
 public:
  explicit TestHouse(const std::filesystem::path& state = {}) : storage(state) {}
  // Suspended coroutines die with the loop and still hold chunks: it stands last.
  ChunkPool chunks;
  SeededRandom random{1};
  Storage storage;
  ManualLoop loop;
  Services services{loop.executor(), chunks, loop, random, storage};

  Chunk chunk(std::string_view text) {
    Chunk c = chunks.borrow();
    c.append(as_bytes(text));
    return c;
  }
  static std::string text(const Chunk& c) { return std::string(as_text(c.bytes())); }
  /// Everything until the peer ends or breaks.
  static Awaitable<std::string> read_all(Stream& stream) {
    std::string all;
    for (;;) {
      auto heard = co_await stream.read();
      if (!heard) co_return all;
      all += as_text(std::as_const(*heard).bytes());
    }
  }
  static Awaitable<> echo(StreamPtr stream) {
    for (;;) {
      auto heard = co_await stream->read();
      if (!heard) break;
      auto sent = co_await stream->write(std::move(*heard));
      if (!sent) break;
    }
    stream->shutdown_write();
  }
};

}  // namespace ptproxy::test
