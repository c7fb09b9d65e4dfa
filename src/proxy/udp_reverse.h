#pragma once
/// \file
/// The server's half of the UDP modes: a transport's streams in, datagrams to the Server App out. Table 2 of
/// pt-2.0-draft-1, section 3.3.5.5.

#include <ptproxy/transport.h>

#include "proxy/udp_flow.h"

#include <string>

namespace ptproxy {

/// One UDP socket for each transport connection, so that the Server App tells clients apart and every answer finds its
/// way.
class UdpReverse {
 public:
  /// `app` may be a name: it is resolved anew for each connection, as it is for TCP. Everything passed by reference
  /// outlives the flows.
  UdpReverse(Services& services, std::string transport, ServerTransport& server, DatagramDialer& dialer, Endpoint app,
             UdpRules rules)
      : services_(services),
        transport_(std::move(transport)),
        server_(server),
        dialer_(dialer),
        app_(std::move(app)),
        rules_(rules) {}
  /// Accepts until the listener ends.
  Awaitable<> serve(Listener& listener);

 private:
  Awaitable<> carry(StreamPtr client);
  Awaitable<> hear_client(UdpFlow& flow, DatagramSocket& app, const UdpCounters& counters);
  Awaitable<> hear_app(UdpFlow& flow, DatagramSocket& app);

  Services& services_;
  std::string transport_;
  ServerTransport& server_;
  DatagramDialer& dialer_;
  Endpoint app_;
  UdpRules rules_;
  std::size_t flows_ = 0;
};

}  // namespace ptproxy
