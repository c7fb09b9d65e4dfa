#pragma once
/// \file
/// UDP: the sockets behind DatagramSocket and DatagramDialer.

#include <ptproxy/stream.h>

#include "io/tcp.h"

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/ip/udp.hpp>

#include <memory>

namespace ptproxy {

class UdpBatch;

class UdpSocket final : public DatagramSocket, private LiveSockets::Member {
 public:
  using Socket = asio::basic_datagram_socket<asio::ip::udp, Executor>;
  /// `socket` is bound, or connected to its one peer.
  UdpSocket(Loop& loop, UdpBatch& batch, Socket socket, bool connected);
  Endpoint local() const;
  Awaitable<Result<>> wait() override;
  std::span<const Datagram> receive() override;
  Awaitable<Sent> send(std::span<const ByteView> packets, const DatagramPeer& to) override;
  void close() override;

 private:
  void drain() override;
  void cut() override { close(); }
  bool something_arrived();

  UdpBatch& batch_;
  Socket socket_;
  bool connected_;
  bool ended_ = false;  // by drain
};

/// Opens the UDP sockets of a loop, and lends them the memory that a batch of packets is read into. Outlives the use of
/// them.
class Udp final : public DatagramDialer {
 public:
  explicit Udp(Loop& loop);
  ~Udp() override;
  /// Hears whoever sends to that address. Port 0 takes a free one.
  Checked<std::unique_ptr<UdpSocket>> listen(const Endpoint& at);
  /// A socket of one peer. A name is resolved by the system, and the first of its addresses to which there is a way is
  /// taken.
  Awaitable<Result<DatagramSocketPtr>> dial(const Endpoint& to) override;

 private:
  Result<DatagramSocketPtr> connect(const asio::ip::udp::endpoint& to);

  Loop& loop_;
  std::unique_ptr<UdpBatch> batch_;
};

}  // namespace ptproxy
