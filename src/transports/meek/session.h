#pragma once
/// \file
/// One stream of bytes between its owner and the HTTP exchanges that carry it.

#include <ptproxy/clock.h>
#include <ptproxy/stream.h>

#include "io/timing.h"

#include <functional>
#include <memory>

namespace ptproxy::meek {

/// The most that one HTTP body holds, in both directions.
inline constexpr std::size_t most_body = 64 * 1024;
/// What a session keeps in each direction before whoever fills it has to wait.
inline constexpr std::size_t most_kept = 4 * most_body;

/// Two queues: what has arrived for the owner, and what the owner wants to be sent. The owner works on it through a
/// SessionStream; whoever does the exchanges uses the rest, one at a time.
class Session {
 public:
  Session(Executor executor, ChunkPool& chunks, Clock& clock, std::optional<Endpoint> peer = {})
      : chunks_(chunks), clock_(clock), peer_(std::move(peer)), arrived_(executor), left_(executor), news_(executor) {}

  // Towards the exchanges.
  /// How many bytes have arrived so far.
  std::uint64_t received() const { return received_; }
  bool has_room() const { return closed_ || inbox_.size() <= most_kept - most_body; }
  /// Bytes for the owner; dropped when it has closed.
  void receive(ByteView bytes);
  /// The other side has nothing more to say.
  void receive_end();
  bool has_received_end() const { return inbox_ended_; }
  /// What is to be sent, as far as it has not been acknowledged.
  ByteView outgoing() const { return outbox_.view(); }
  /// Where outgoing() begins.
  std::uint64_t acknowledged() const { return acknowledged_; }
  /// The other side has everything before `position`, which lies within outgoing().
  void acknowledge(std::uint64_t position);
  /// The owner has nothing to add to outgoing().
  bool has_ended() const { return outbox_ended_; }
  /// The owner is gone.
  bool is_closed() const { return closed_; }
  /// Tells the owner, behind what has arrived, that the session is over.
  void fail(error_code why);
  bool has_failed() const { return static_cast<bool>(failure_); }
  /// Waits until `condition`, which the owner's doings may change, or for `limit`.
  template <class Condition>
  Awaitable<> wait_for(Clock::Duration limit, Condition condition) {
    const auto end = clock_.now() + limit;
    while (!condition() && clock_.now() < end) {
      auto rung = co_await within(clock_, end - clock_.now(), news_.wait());
      if (!rung && rung.error() != asio::error::timed_out) co_return;
    }
  }
  /// Called when the owner closes.
  void on_close(std::function<void()> action) { on_close_ = std::move(action); }

 private:
  friend class SessionStream;
  Awaitable<Result<Chunk>> read();
  Awaitable<Result<>> write(Chunk bytes);
  void shutdown_write();
  void close();

  ChunkPool& chunks_;
  Clock& clock_;
  std::optional<Endpoint> peer_;
  ByteQueue inbox_, outbox_;
  std::uint64_t received_ = 0, acknowledged_ = 0;
  bool inbox_ended_ = false, outbox_ended_ = false, closed_ = false;
  error_code failure_;
  Bell arrived_;  // for who reads
  Bell left_;     // for who writes
  Bell news_;     // for the exchanges
  std::function<void()> on_close_;
};

/// The owner's end of a session.
class SessionStream final : public Stream {
 public:
  explicit SessionStream(std::shared_ptr<Session> session) : session_(std::move(session)) {}
  ~SessionStream() override { session_->close(); }
  Awaitable<Result<Chunk>> read() override { return session_->read(); }
  /// Done when there is room for more.
  Awaitable<Result<>> write(Chunk bytes) override { return session_->write(std::move(bytes)); }
  void shutdown_write() override { session_->shutdown_write(); }
  /// What was written before shutdown_write() is still delivered.
  void close() override { session_->close(); }
  std::optional<Endpoint> peer() const override { return session_->peer_; }

 private:
  std::shared_ptr<Session> session_;
};

}  // namespace ptproxy::meek
