#include "proxy/reverse_proxy.h"

#include <ptproxy/log.h>

#include "io/relay.h"
#include "io/spawn.h"

namespace ptproxy {

Awaitable<> ReverseProxy::serve(Listener& listener) {
  ServerTransport::OnStream on_stream = [this](StreamPtr client) {
    spawn(services_.executor, "reverse proxy", carry(std::move(client)));
  };
  co_await server_.serve(listener, std::move(on_stream));
}

Awaitable<> ReverseProxy::carry(StreamPtr client) {
  auto peer = client->peer();
  auto app = co_await or_port_.dial(std::move(peer), transport_);
  if (!app) {
    log::warning("{}: the Server App cannot be reached: {}", transport_, app.error().message());
    co_return;
  }
  start_relay(services_.executor, services_.clock, std::move(client), std::move(*app));
}

}  // namespace ptproxy
