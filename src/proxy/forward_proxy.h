#pragma once
/// \file
/// The client's half: an application's connections in, a bridge out.

#include <ptproxy/transport.h>

#include "wire/socks_reply.h"

#include <optional>
#include <string>

namespace ptproxy {

class SocksServer;
class SocksRequest;

/// How a client's listener is spoken to, and what its connections have in common.
class FrontDoor {
 public:
  /// The PT server of every connection (transparent TCP); without it each connection names its own by SOCKS.
  std::optional<Endpoint> target;
  /// Arguments of every connection, below those that it brings itself.
  Args options;
  /// The parent speaks PT 2: its private SOCKS method 0x80 is understood.
  bool pt2 = true;
};

class ForwardProxy {
 public:
  /// Everything passed by reference outlives the streams.
  ForwardProxy(Services& services, std::string transport, ClientTransport& client, Dialer& dialer, FrontDoor door)
      : services_(services),
        transport_(std::move(transport)),
        client_(client),
        dialer_(dialer),
        door_(std::move(door)) {}
  /// Accepts until the listener ends.
  Awaitable<> serve(Listener& listener);

 private:
  /// Hears a SOCKS request to its end; gives what came right behind it.
  Awaitable<Result<ByteQueue>> hear_request(Stream& app, SocksServer& socks);
  Awaitable<> greet_socks(StreamPtr app);
  Awaitable<> greet_transparent(StreamPtr app);
  Awaitable<Result<StreamPtr>> connect(const Endpoint& bridge, const Args& args);
  Awaitable<Result<StreamPtr>> connect_while_listening(Stream& app, ByteQueue& early, const Endpoint& bridge,
                                                       const Args& args, bool may_end);
  Awaitable<> refuse(StreamPtr app, ByteView last_words);

  Services& services_;
  std::string transport_;
  ClientTransport& client_;
  Dialer& dialer_;
  FrontDoor door_;
  int in_handshake_ = 0;
};

}  // namespace ptproxy
