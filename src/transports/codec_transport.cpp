#include "transports/codec_transport.h"

#include <ptproxy/log.h>

#include "io/codec_stream.h"
#include "io/run_handshake.h"
#include "io/spawn.h"
#include "io/timing.h"

namespace ptproxy {
namespace {

Awaitable<Result<StreamPtr>> shake_hands(Services& services, StreamPtr& wire, TransportHandshake& handshake,
                                         Clock::Duration limit) {
  auto early = co_await within(services.clock, limit, run_handshake(*wire, services.chunks, handshake));
  if (!early) co_return early.error();
  co_return std::make_unique<CodecStream>(std::move(wire), handshake.codec(), std::move(*early), services.chunks,
                                          services.clock);
}

}  // namespace

Awaitable<Result<StreamPtr>> CodecClient::connect(const Endpoint& bridge, const Args& args, Dialer& dialer) {
  for (int attempt = 1;; ++attempt) {
    auto handshake = new_handshake(bridge, args);
    if (!handshake) co_return handshake.error();
    auto wire = co_await dialer.dial(bridge);
    if (!wire) co_return wire.error();
    auto stream = co_await shake_hands(services_, *wire, **handshake, limit_);
    if (stream || !worth_another_attempt(stream.error(), attempt)) co_return stream;
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
  log::info("a peer failed the handshake: {}", stream.error().message());
  const auto left = accepted + swallow_until_ - services_.clock.now();
  if (left > left.zero()) (void)co_await within(services_.clock, left, swallow(*wire));
}

}  // namespace ptproxy
