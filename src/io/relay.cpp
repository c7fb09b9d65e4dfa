#include "io/relay.h"

#include <ptproxy/clock.h>

#include "io/spawn.h"

namespace ptproxy {
namespace {

// Both directions truly share this: whoever ends last lets go of it.
class Relay {
 public:
  Relay(Clock& clock, StreamPtr near, StreamPtr far) : clock_(clock), near_(std::move(near)), far_(std::move(far)) {}

  static Awaitable<> outwards(std::shared_ptr<Relay> relay) {
    co_await relay->pump(*relay->near_, *relay->far_);
    relay->end();
  }

  static Awaitable<> inwards(std::shared_ptr<Relay> relay) {
    co_await relay->pump(*relay->far_, *relay->near_);
    relay->end();
  }

 private:
  Awaitable<> pump(Stream& from, Stream& to) {
    for (;;) {
      auto chunk = co_await from.read();
      if (!chunk) {
        if (chunk.error() != asio::error::eof)
          close();
        else if (ended_ == 0)  // otherwise both are about to be closed
          to.shutdown_write();
        co_return;
      }
      auto sent = co_await to.write(std::move(*chunk));
      if (!sent) {
        close();
        co_return;
      }
      ++moved_;
    }
  }

  void end() {
    if (++ended_ == 2)
      close();
    else
      watch();
  }

  /// While one direction has ended, the other may not fall silent for ever.
  void watch() {
    silence_ = clock_.alarm(clock_.now() + half_closed_limit, [this, moved = moved_] {
      if (moved == moved_)
        close();
      else
        watch();
    });
  }

  void close() {
    near_->close();
    far_->close();
  }

  Clock& clock_;
  StreamPtr near_, far_;
  std::uint64_t moved_ = 0;
  int ended_ = 0;
  std::unique_ptr<Clock::Alarm> silence_;
};

}  // namespace

void start_relay(Executor executor, Clock& clock, StreamPtr near, StreamPtr far) {
  auto relay = std::make_shared<Relay>(clock, std::move(near), std::move(far));
  spawn(executor, "relay outwards", Relay::outwards(relay));
  spawn(executor, "relay inwards", Relay::inwards(std::move(relay)));
}

}  // namespace ptproxy
