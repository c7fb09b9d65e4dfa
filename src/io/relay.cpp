#include "io/relay.h"

#include "io/spawn.h"
#include "io/timing.h"

namespace ptproxy {
namespace {

// Both directions truly share this: whoever ends last lets go of it.
class Relay {
 public:
  Relay(Executor executor, Clock& clock, StreamPtr near, StreamPtr far)
      : clock_(clock), near_(std::move(near)), far_(std::move(far)), other_ended_(executor) {}

  static Awaitable<> outwards(std::shared_ptr<Relay> relay) {
    co_await relay->pump(*relay->near_, *relay->far_);
    co_await relay->end();
  }

  static Awaitable<> inwards(std::shared_ptr<Relay> relay) {
    co_await relay->pump(*relay->far_, *relay->near_);
    co_await relay->end();
  }

 private:
  Awaitable<> pump(Stream& from, Stream& to) {
    for (;;) {
      auto chunk = co_await from.read();
      if (!chunk) {
        if (chunk.error() == asio::error::eof)
          to.shutdown_write();
        else
          close();
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

  /// The first direction to end stays to watch that the other does not fall silent for ever.
  Awaitable<> end() {
    if (++ended_ == 2) {
      close();
      other_ended_.ring();
      co_return;
    }
    while (ended_ < 2) {
      const auto moved = moved_;
      (void)co_await within(clock_, half_closed_limit, other_ended_.wait());
      if (ended_ < 2 && moved == moved_) {
        close();
        co_return;
      }
    }
  }

  void close() {
    near_->close();
    far_->close();
  }

  Clock& clock_;
  StreamPtr near_, far_;
  Bell other_ended_;
  std::uint64_t moved_ = 0;
  int ended_ = 0;
};

}  // namespace

void start_relay(Executor executor, Clock& clock, StreamPtr near, StreamPtr far) {
  auto relay = std::make_shared<Relay>(executor, clock, std::move(near), std::move(far));
  spawn(executor, "relay outwards", Relay::outwards(relay));
  spawn(executor, "relay inwards", Relay::inwards(std::move(relay)));
}

}  // namespace ptproxy
