#pragma once
/// \file
/// Datagrams over one transport connection, both ways: what the two UDP proxies have in common.

#include <ptproxy/clock.h>

#include "io/timing.h"
#include "proxy/frame_queue.h"
#include "wire/datagram_framing.h"

#include <string>
#include <vector>

namespace ptproxy {

/// How the flows of a UDP proxy behave.
class UdpRules {
 public:
  DatagramFraming framing = DatagramFraming::length_prefix;
  /// A flow ends after so long without a packet in either direction.
  Clock::Duration idle_limit = std::chrono::seconds(300);
  std::size_t most_flows = 4096;
};

/// What became of a flow's datagrams. `accepted` is what was written to the transport, `delivered` what the kernel
/// took.
class UdpCounters {
 public:
  std::uint64_t accepted = 0, accepted_bytes = 0;
  std::uint64_t delivered = 0, delivered_bytes = 0;
  std::uint64_t while_connecting = 0;  ///< dropped: no connection yet
  std::uint64_t queue_full = 0;        ///< dropped: the transport is slower than the sender
  std::uint64_t not_stun = 0;          ///< dropped: STUN mode cannot carry it
  std::uint64_t cut_off = 0;           ///< dropped: the connection ended while they were queued
  std::uint64_t refused = 0;           ///< dropped: the kernel would not send it
  /// One line, without addresses.
  std::string to_text() const;
};

class UdpFlow {
 public:
  /// Everything passed by reference outlives the flow. `to` gets what comes out of the transport.
  UdpFlow(ChunkPool& chunks, Clock& clock, Executor executor, const UdpRules& rules, StreamPtr transport,
          DatagramSocket& socket, const DatagramPeer& to, UdpCounters& counters);

  /// Queues a datagram for the transport; drops and counts it when there is no room.
  void push(ByteView datagram);
  /// Carries datagrams out of the transport until that ends, breaks, loses its framing or cannot be written to, or
  /// until nothing has passed for the idle limit. Gives the reason, for the log.
  Awaitable<std::string_view> receive_until_over();
  /// After that: sees what is queued off, within two seconds and if the transport still takes it; then closes.
  Awaitable<> finish();
  /// Writes what is queued to the transport, until finish(). Runs beside the two above.
  Awaitable<> send_queued();

 private:
  Awaitable<std::string_view> receive();
  Awaitable<std::string_view> wait_until_idle();
  Awaitable<Result<>> deliver(ByteView stream);
  /// Fills the batch with the stream's next datagrams; one that is not full holds the last of them.
  Result<> gather();

  ChunkPool& chunks_;
  Clock& clock_;
  const UdpRules& rules_;
  StreamPtr transport_;
  DatagramSocket& socket_;
  DatagramPeer to_;
  UdpCounters& counters_;
  DatagramReader reader_;
  // Not in a coroutine's frame: Asio keeps for the next one only frames below 1 KiB.
  std::vector<ByteView> batch_;
  FrameQueue queue_;
  Bell queued_, sender_ended_;
  Clock::TimePoint last_packet_;
  bool sender_waits_ = false;
  bool over_ = false;
  bool unwritable_ = false;
};

}  // namespace ptproxy
