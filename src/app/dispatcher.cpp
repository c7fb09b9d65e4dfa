#include "app/dispatcher.h"

#include <ptproxy/log.h>

#include "io/spawn.h"
#include "transports/registry.h"

namespace ptproxy {
namespace {

UdpRules udp_rules(const Config& config) {
  UdpRules rules;
  rules.framing = config.mode == Mode::stun ? DatagramFraming::stun : DatagramFraming::length_prefix;
  rules.idle_limit = config.udp_timeout;
  rules.most_flows = config.udp_flows;
  return rules;
}

/// Keeps the listener for as long as its proxy serves it.
template <class Proxy, class Listening>
Awaitable<> serve(Proxy& proxy, std::unique_ptr<Listening> listener) {
  co_await proxy.serve(*listener);
}

}  // namespace

Dispatcher::Dispatcher(const Config& config, const std::optional<UpstreamProxy>& upstream, const LineProtocol& parent,
                       Loop& loop, Services& services, SignalPipes& signals)
    : config_(config),
      parent_(parent),
      loop_(loop),
      services_(services),
      signals_(signals),
      direct_(loop, {config.outbound_v4, config.outbound_v6}) {
  if (config_.is_udp()) udp_.emplace(loop_);
  if (upstream) upstream_ = std::make_unique<UpstreamDialer>(services_, direct_, *upstream);
  if (config_.ext_orport)
    or_port_ = std::make_unique<OrPort>(services_, direct_, *config_.ext_orport, config_.auth_cookie_file);
  else if (config_.orport)
    or_port_ = std::make_unique<OrPort>(services_, direct_, *config_.orport);
}

Dialer& Dispatcher::way_out() {
  if (upstream_) return *upstream_;
  return direct_;
}

Services& Dispatcher::lend(const TransportEntry& transport) {
  auto& lent = *lent_.emplace_back(std::make_unique<Services>(services_));
  lent.workers = workers_.emplace_back(std::make_unique<WorkerThreads>(services_.executor)).get();
  lent.local = services_.storage.folder(transport.name);
  if (transport.signals) lent.signals = &signals_.open(transport.name);
  return lent;
}

void Dispatcher::start() {
  const bool client = config_.role == Role::client;
  for (const auto& name : config_.transports) {
    const auto* transport = find_transport(name);
    if (!transport) {
      log::notice("{} is not among this program's transports: ignored", name);
      continue;
    }
    auto started = client ? start_client(*transport) : start_server(*transport);
    if (started) continue;
    if (client)
      parent_.client_method_error(name, started.error().text());
    else
      parent_.server_method_error(name, started.error().text());
  }
  if (client)
    parent_.client_methods_done();
  else
    parent_.server_methods_done();
}

Checked<> Dispatcher::start_client(const TransportEntry& transport) {
  const bool has_socks = config_.mode == Mode::socks5 || config_.mode == Mode::socks4;
  if (!has_socks && config_.version.major == 1)
    return Refusal("modes without SOCKS need version 2 of the pluggable transport specification");
  if (!has_socks && !config_.target) return Refusal("no -target: this mode needs the PT server's address");

  auto made = transport.make_client(lend(transport));
  if (!made) return made.error();
  // Kept in any case: what it has begun goes on beside it.
  auto& client = *client_transports_.emplace_back(std::move(*made));
  auto listening = config_.is_udp() ? forward_udp(transport, client) : forward_tcp(transport, client);
  if (!listening) return listening.error();
  if (!config_.listen.is_loopback())
    log::warning("{} listens beyond this machine: whoever reaches it can use it", transport.name);
  parent_.client_method(transport.name, name_of(config_.mode), *listening);
  return {};
}

Checked<Endpoint> Dispatcher::forward_tcp(const TransportEntry& transport, ClientTransport& client) {
  auto listener = TcpListener::open(loop_, config_.listen);
  if (!listener) return listener.error();
  FrontDoor door;
  door.target = config_.target;
  door.options = config_.options_of(transport.name);
  door.pt2 = config_.version.major == 2;
  auto& proxy = *forward_proxies_.emplace_back(
      std::make_unique<ForwardProxy>(services_, std::string(transport.name), client, way_out(), std::move(door)));
  auto listening = (*listener)->local();
  spawn(services_.executor, "client listener", serve(proxy, std::move(*listener)));
  return listening;
}

Checked<Endpoint> Dispatcher::forward_udp(const TransportEntry& transport, ClientTransport& client) {
  auto socket = udp_->listen(config_.listen);
  if (!socket) return socket.error();
  UdpRoute route;
  route.target = *config_.target;
  route.options = config_.options_of(transport.name);
  route.rules = udp_rules(config_);
  route.most_held = config_.udp_queue;
  auto& proxy = *udp_forwards_.emplace_back(
      std::make_unique<UdpForward>(services_, std::string(transport.name), client, way_out(), std::move(route)));
  auto listening = (*socket)->local();
  spawn(services_.executor, "client listener", serve(proxy, std::move(*socket)));
  return listening;
}

Checked<> Dispatcher::start_server(const TransportEntry& transport) {
  auto made = transport.make_server(lend(transport), config_.options_of(transport.name));
  if (!made) return made.error();
  auto& server = *server_transports_.emplace_back(std::move(*made));
  const auto bindaddr = config_.bindaddrs.find(transport.name);
  auto listener =
      TcpListener::open(loop_, bindaddr == config_.bindaddrs.end() ? Endpoint("0.0.0.0", 0) : bindaddr->second);
  if (!listener) return listener.error();

  const auto listening = (*listener)->local();
  std::string name(transport.name);
  if (config_.is_udp()) {
    auto& proxy = *udp_reverses_.emplace_back(
        std::make_unique<UdpReverse>(services_, std::move(name), server, *udp_, *config_.orport, udp_rules(config_)));
    spawn(services_.executor, "server listener", serve(proxy, std::move(*listener)));
  } else {
    auto& proxy =
        *reverse_proxies_.emplace_back(std::make_unique<ReverseProxy>(services_, std::move(name), server, *or_port_));
    spawn(services_.executor, "server listener", serve(proxy, std::move(*listener)));
  }
  parent_.server_method(transport.name, listening, server.client_args());
  return {};
}

}  // namespace ptproxy
