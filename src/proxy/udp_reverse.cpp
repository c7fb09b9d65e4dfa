#include "proxy/udp_reverse.h"

#include <ptproxy/log.h>

#include "io/spawn.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace ptproxy {
namespace {

constexpr std::chrono::seconds setup_limit{10};

void take_arrived(UdpFlow& flow, DatagramSocket& app) {
  for (const auto& datagram : app.receive()) flow.push(datagram.bytes);
}

}  // namespace

Awaitable<> UdpReverse::serve(Listener& listener) {
  ServerTransport::OnStream on_stream = [this](StreamPtr client) {
    if (flows_ >= rules_.most_flows) {
      log::warning("{}: a client turned away: all {} UDP flows are taken", transport_, rules_.most_flows);
      return;
    }
    ++flows_;
    spawn(services_.executor, "UDP flow", carry(std::move(client)), [this] { --flows_; });
  };
  co_await server_.serve(listener, std::move(on_stream));
}

Awaitable<> UdpReverse::carry(StreamPtr client) {
  using namespace asio::experimental::awaitable_operators;
  auto app = co_await within(services_.clock, setup_limit, dialer_.dial(app_));
  if (app) {
    const DatagramPeer the_only_one;
    UdpCounters counters;
    UdpFlow flow(services_.chunks, services_.clock, services_.executor, rules_, std::move(client), **app, the_only_one,
                 counters);
    co_await (hear_client(flow, **app, counters) && hear_app(flow, **app) && flow.send_queued());
  } else {
    log::warning("{}: the Server App cannot be reached: {}", transport_, app.error().message());
  }
}

Awaitable<> UdpReverse::hear_client(UdpFlow& flow, DatagramSocket& app, const UdpCounters& counters) {
  const auto why = co_await flow.receive_until_over();
  take_arrived(flow, app);  // answers that came just before the end of the program
  app.close();
  co_await flow.finish();
  log::notice("{}: a UDP flow is over ({}): {}", transport_, why, counters.to_text());
}

Awaitable<> UdpReverse::hear_app(UdpFlow& flow, DatagramSocket& app) {
  for (;;) {
    auto arrived = co_await app.wait();
    if (!arrived) co_return;
    take_arrived(flow, app);
  }
}

}  // namespace ptproxy
