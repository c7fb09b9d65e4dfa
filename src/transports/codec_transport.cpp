#include "transports/codec_transport.h"

#include <ptproxy/log.h>

#include "io/codec_stream.h"
#include "io/run_handshake.h"
#include "io/spawn.h"
#include "io/timing.h"

#include <algorithm>
#include <utility>

namespace ptproxy {
namespace {

Awaitable<Result<StreamPtr>> shake_hands(Services& services, StreamPtr& wire, TransportHandshake& handshake,
                                         Clock::Duration limit) {
  limit = std::min(limit, handshake.limit());
  auto early =
      co_await within(services.clock, limit, run_handshake(*wire, services.chunks, handshake, {}, services.workers));
  // Not the network's own error: the connection was there, and "connection refused" would be a lie.
  if (!early) co_return hung_up(early.error()) ? make_error_code(Errc::unfinished_handshake) : early.error();
  co_return std::make_unique<CodecStream>(std::move(wire), handshake.codec(), std::move(*early), services.chunks,
                                          services.clock);
}

}  // namespace

Awaitable<Result<StreamPtr>> CodecClient::connect(const Endpoint& bridge, const Args& args, Dialer& dialer) {
  const auto deadline = services_.clock.now() + limit_;
  for (int attempt = 1;; ++attempt) {
    auto handshake = new_handshake(bridge, args, attempt);
    if (!handshake) co_return handshake.error();
    if (auto work = (*handshake)->take_work()) {
      auto worked = co_await within(services_.clock, deadline - services_.clock.now(),
                                    run_work(services_.workers, std::move(work)));
      if (!worked) co_return worked.error();
    }
    auto wire = co_await within(services_.clock, deadline - services_.clock.now(), dialer.dial(bridge));
    if (!wire) co_return wire.error();
    auto stream = co_await shake_hands(services_, *wire, **handshake, deadline - services_.clock.now());
    if (stream || !worth_another_attempt(**handshake, stream.error(), attempt)) co_return stream;
  }
}

Awaitable<> CodecServer::serve(Listener& listener, OnStream on_stream) {
  for (;;) {
    auto wire = co_await listener.accept();
    if (!wire) co_return;
    spawn(services_.executor, "transport handshake", greet(std::move(*wire), on_stream));
  }
}

Awaitable<> CodecServer::greet(StreamPtr wire, OnStream on_stream) {
  const auto accepted = services_.clock.now();
  auto handshake = new_handshake();
  auto stream = co_await shake_hands(services_, wire, *handshake, limit_);
  handshake.reset();
  if (stream) {
    on_stream(std::move(*stream));
    co_return;
  }
  // Our clock may be the wrong one, and then no client gets in. Once is enough: whoever replays an old hello gets here
  // too.
  const bool news = stream.error() == Errc::skewed_clock && !std::exchange(told_of_clock_, true);
  const auto level = news ? log::Level::warning : log::Level::info;
  if (log::enabled(level)) log::write(level, fmt::format("a peer failed the handshake: {}", stream.error().message()));
  const auto left = accepted + swallow_until_ - services_.clock.now();
  if (left > left.zero()) (void)co_await within(services_.clock, left, swallow(*wire));
}

}  // namespace ptproxy
