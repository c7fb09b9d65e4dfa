#pragma once
/// \file
/// What a transport is: pt-2.0-draft-1 section 3.2.2 in C++. TransportEntry::make_client is its Transport Factory,
/// ClientTransport its Connection Factory, make_server and ServerTransport its Server Factory and Server Manager.

#include <ptproxy/args.h>
#include <ptproxy/clock.h>
#include <ptproxy/processes.h>
#include <ptproxy/random.h>
#include <ptproxy/signals.h>
#include <ptproxy/storage.h>
#include <ptproxy/stream.h>
#include <ptproxy/workers.h>

#include <functional>
#include <memory>
#include <string_view>

namespace ptproxy {

/// What the house lends to a transport. All of it outlives the transport and its streams.
class Services {
 public:
  Services(Executor executor, ChunkPool& chunks, Clock& clock, Random& random, const Storage& storage)
      : executor(executor), chunks(chunks), clock(clock), random(random), storage(storage) {}
  Executor executor;
  ChunkPool& chunks;
  Clock& clock;
  Random& random;
  /// The state directory.
  const Storage& storage;
  /// nullptr: work is done in place.
  Workers* workers = nullptr;

  // What few transports need. Where there is a pointer, it is nullptr in a program that has none to lend.

  /// The transport's own folder in the state directory: the specification's `local`. Not there until it is prepared.
  Storage local{storage.directory()};
  Signals* signals = nullptr;
  Processes* processes = nullptr;
  /// Server: the Server App, for a transport that reaches it itself; none when a plain TCP connection would not do.
  std::optional<Endpoint> server_app;
};

class ClientTransport {
 public:
  virtual ~ClientTransport() = default;
  /// Reaches the bridge and shakes hands; the stream carries the application's bytes. `args` were given with this
  /// connection; what they lack or get wrong is Errc::bad_arguments, found before anything is dialled. The dialer is
  /// the only way out: it may lead through an upstream proxy. The parameters outlive the call, the dialer the
  /// transport too, and both of them every stream.
  virtual Awaitable<Result<StreamPtr>> connect(const Endpoint& bridge, const Args& args, Dialer& dialer) = 0;
};

class ServerTransport {
 public:
  /// Gets each stream whose peer has passed the handshake. Must not block.
  using OnStream = std::function<void(StreamPtr)>;
  virtual ~ServerTransport() = default;
  /// What clients need to know: SMETHOD's ARGS.
  virtual Args client_args() const { return {}; }
  /// Accepts until the listener ends. Listener-shaped, so that a transport may gather many connections into one stream.
  /// This object, the listener and what `on_stream` uses outlive the call and every stream.
  virtual Awaitable<> serve(Listener& listener, OnStream on_stream) = 0;
};

/// What the two sides of a transport are to be told, as -genconfig prints it. No secret that the state directory keeps.
class Configuration {
 public:
  Args server;  ///< options, next to what is in the state directory
  Args client;  ///< arguments of each connection
};

/// A row of the registry (src/transports/registry.cpp).
struct TransportEntry {
  std::string_view name;  ///< a C identifier
  /// A refusal becomes CMETHOD-ERROR.
  Checked<std::unique_ptr<ClientTransport>> (*make_client)(Services& services);
  /// A refusal becomes SMETHOD-ERROR.
  Checked<std::unique_ptr<ServerTransport>> (*make_server)(Services& services, const Args& options);
  /// `generate configuration`: makes what a server of these options needs, without starting it. `address` is the
  /// host:port where clients reach it, maybe with placeholders. nullptr: `options` as they are, and the client_args()
  /// of a server that is made of them.
  Checked<Configuration> (*generate)(Services& services, const Args& options, std::string_view address) = nullptr;
  /// Whether it sends or receives signals.
  bool signals = false;
};

}  // namespace ptproxy
