#pragma once
/// \file
/// The server's half: a transport's streams in, the Server App out.

#include <ptproxy/transport.h>

#include "proxy/or_port.h"

#include <string>

namespace ptproxy {

class ReverseProxy {
 public:
  /// `transport` is the name that tor gets to hear. Everything passed by reference outlives the streams.
  ReverseProxy(Services& services, std::string transport, ServerTransport& server, OrPort& or_port)
      : services_(services), transport_(std::move(transport)), server_(server), or_port_(or_port) {}
  /// Accepts until the listener ends.
  Awaitable<> serve(Listener& listener);

 private:
  Awaitable<> carry(StreamPtr client);

  Services& services_;
  std::string transport_;
  ServerTransport& server_;
  OrPort& or_port_;
};

}  // namespace ptproxy
