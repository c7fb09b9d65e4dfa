#pragma once
/// \file
/// The client's half of the UDP modes: applications' datagrams in, bridges out. Table 1 of pt-2.0-draft-1,
/// section 3.3.5.3.

#include <ptproxy/transport.h>

#include "proxy/dial_backoff.h"
#include "proxy/udp_flow.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ptproxy {

/// Where a UDP client's connections lead, and what they have in common.
class UdpRoute {
 public:
  Endpoint target;
  Args options;
  UdpRules rules;
  /// How many datagrams of a flow wait while it connects; 0 is Table 1 to the letter. For applications that never
  /// repeat their first one.
  std::size_t most_held = 0;
};

/// A pool of transport connections, one for each address that datagrams come from: only so can answers be told apart.
/// The first datagram of an address opens its connection and, as the draft wants it, is dropped, as are those until it
/// stands.
class UdpForward {
 public:
  /// Everything passed by reference outlives the flows.
  UdpForward(Services& services, std::string transport, ClientTransport& client, Dialer& dialer, UdpRoute route)
      : services_(services),
        transport_(std::move(transport)),
        client_(client),
        dialer_(dialer),
        route_(std::move(route)),
        backoff_(route_.rules.most_flows),
        flow_ended_(services.executor) {}
  /// Serves until the socket and then all flows have ended.
  Awaitable<> serve(DatagramSocket& apps);

 private:
  /// One row of the pool; lives as long as the coroutine that dials and carries for it.
  class Entry {
   public:
    explicit Entry(const DatagramPeer& app, Clock::TimePoint now) : app(app), last_packet(now) {}
    DatagramPeer app;
    Clock::TimePoint last_packet;  ///< while Waiting
    std::vector<Bytes> held;       ///< while Waiting
    UdpCounters counters;
    std::optional<UdpFlow> flow;  ///< none: Waiting; else Connected
  };

  void take(std::span<const Datagram> arrived, DatagramSocket& apps);
  void open(const Datagram& first, DatagramSocket& apps);
  void hold(Entry& entry, ByteView datagram);
  Awaitable<> run(std::shared_ptr<Entry> entry, DatagramSocket& apps);
  void leave_pool(const Entry& entry);
  Awaitable<Result<StreamPtr>> give_up_when_idle(const Entry& entry);
  Awaitable<> hear(Entry& entry);
  void tell_turned_away();

  Services& services_;
  std::string transport_;
  ClientTransport& client_;
  Dialer& dialer_;
  UdpRoute route_;
  std::map<DatagramPeer, Entry*> pool_;
  DialBackoff<DatagramPeer> backoff_;
  std::size_t alive_ = 0;
  Bell flow_ended_;
  // Datagrams that found no flow and opened none.
  std::uint64_t no_room_ = 0, resting_ = 0;
  Clock::TimePoint next_telling_;
};

}  // namespace ptproxy
