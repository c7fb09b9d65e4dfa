#pragma once
/// \file
/// Builds the proxies that a Config asks for, owns them, and announces them to the parent.

#include <ptproxy/transport.h>

#include "app/signal_pipes.h"
#include "io/tcp.h"
#include "io/udp.h"
#include "io/worker_threads.h"
#include "parent/config.h"
#include "parent/line_protocol.h"
#include "proxy/forward_proxy.h"
#include "proxy/reverse_proxy.h"
#include "proxy/udp_forward.h"
#include "proxy/udp_reverse.h"
#include "proxy/upstream_dialer.h"

#include <memory>
#include <vector>

namespace ptproxy {

class Dispatcher {
 public:
  /// A client reaches everything through `upstream`, where there is one. Everything passed by reference outlives this.
  Dispatcher(const Config& config, const std::optional<UpstreamProxy>& upstream, const LineProtocol& parent, Loop& loop,
             Services& services, SignalPipes& signals);
  /// Binds every listener, sets the proxies going, and says CMETHOD or SMETHOD for each and DONE at the end. A
  /// transport that cannot start costs only its own line.
  void start();

 private:
  Checked<> start_client(const TransportEntry& transport);
  /// The services as this transport is to see them.
  Services& lend(const TransportEntry& transport);
  Checked<Endpoint> forward_tcp(const TransportEntry& transport, ClientTransport& client);
  Checked<Endpoint> forward_udp(const TransportEntry& transport, ClientTransport& client);
  /// The only way out for a client.
  Dialer& way_out();
  Checked<> start_server(const TransportEntry& transport);

  const Config& config_;
  const LineProtocol& parent_;
  Loop& loop_;
  Services& services_;
  SignalPipes& signals_;
  TcpDialer direct_;
  std::optional<Udp> udp_;  // in the UDP modes
  std::unique_ptr<UpstreamDialer> upstream_;
  std::unique_ptr<OrPort> or_port_;
  std::vector<std::unique_ptr<WorkerThreads>> workers_;
  std::vector<std::unique_ptr<Services>> lent_;
  std::vector<std::unique_ptr<ClientTransport>> client_transports_;
  std::vector<std::unique_ptr<ServerTransport>> server_transports_;
  std::vector<std::unique_ptr<ForwardProxy>> forward_proxies_;
  std::vector<std::unique_ptr<ReverseProxy>> reverse_proxies_;
  std::vector<std::unique_ptr<UdpForward>> udp_forwards_;
  std::vector<std::unique_ptr<UdpReverse>> udp_reverses_;
};

}  // namespace ptproxy
