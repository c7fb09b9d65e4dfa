#pragma once
/// \file
/// UDP: the sockets behind DatagramSocket and DatagramDialer.

#include <ptproxy/stream.h>

#include "io/tcp.h"

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/ip/udp.hpp>

#include <memory>
#include <vector>

namespace ptproxy {

class UdpBatch;

class UdpSocket final : public DatagramSocket, private LiveSockets::Member {
 public:
  using Socket = asio::basic_datagram_socket<asio::ip::udp, Executor>;
  UdpSocket(Loop& loop, UdpBatch& batch, Socket bound);
  /// Of one peer, which has one or more addresses. connect() is still to be called.
  UdpSocket(Loop& loop, UdpBatch& batch, std::vector<asio::ip::udp::endpoint> peer);
  /// To the next address to which there is a way. A wait for packets goes on there.
  error_code connect();
  Endpoint local() const;
  Awaitable<Result<>> wait() override;
  std::span<const Datagram> receive() override;
  Awaitable<Sent> send(std::span<const ByteView> packets, const DatagramPeer& to) override;
  void close() override;

 private:
  void drain() override;
  void cut() override { close(); }
  bool something_arrived();
  /// Nobody is where an earlier packet went (ICMP told so).
  void take_refusal(error_code why);

  Loop& loop_;
  UdpBatch& batch_;
  Socket socket_;
  bool connected_ = false;
  std::vector<asio::ip::udp::endpoint> peer_;  // where it may be; the last is in use. None once it has answered
  bool ended_ = false;                         // by drain
};

/// Opens the UDP sockets of a loop, and lends them the memory that a batch of packets is read into. Outlives the use of
/// them.
class Udp final : public DatagramDialer {
 public:
  explicit Udp(Loop& loop);
  ~Udp() override;
  /// Hears whoever sends to that address. Port 0 takes a free one.
  Checked<std::unique_ptr<UdpSocket>> listen(const Endpoint& at);
  /// A socket of one peer. A name is resolved by the system.
  Awaitable<Result<DatagramSocketPtr>> dial(const Endpoint& to) override;
  /// A socket of a peer with several addresses: where nobody listens (localhost has often two addresses, and an
  /// application only one), the next takes its turn, until the peer has answered from one.
  Result<DatagramSocketPtr> dial_one_of(std::vector<asio::ip::udp::endpoint> addresses);

 private:
  Loop& loop_;
  std::unique_ptr<UdpBatch> batch_;
};

}  // namespace ptproxy
