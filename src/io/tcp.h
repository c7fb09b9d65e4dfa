#pragma once
/// \file
/// TCP: the sockets behind Listener and Dialer.

#include "io/socket_stream.h"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <vector>

namespace ptproxy {

using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, Executor>;

class TcpListener final : public Listener, private LiveSockets::Member {
 public:
  /// Binds and listens; connecting works from now on. Port 0 takes a free one.
  static Checked<std::unique_ptr<TcpListener>> open(Loop& loop, const Endpoint& at);
  Endpoint local() const;
  Awaitable<Result<StreamPtr>> accept() override;
  std::optional<Endpoint> address() const override { return local(); }

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
  TcpListener(Loop& loop, Acceptor acceptor) : Member(loop.live), loop_(loop), acceptor_(std::move(acceptor)) {}
  void drain() override { cut(); }
  void cut() override;

  Loop& loop_;
  Acceptor acceptor_;
  unsigned in_a_row_ = 0;  // accepted without a wait
};

/// Source addresses of outgoing connections, by family; IP literals.
class OutboundAddresses {
 public:
  std::optional<std::string> v4, v6;
};

/// Connects directly; names are resolved by the system and their addresses tried in turn. Connections to loopback
/// addresses ignore the outbound addresses (PT 1.0, TOR_PT_OUTBOUND_BIND_ADDRESS_V4).
class TcpDialer final : public Dialer {
 public:
  explicit TcpDialer(Loop& loop, OutboundAddresses outbound = {}) : loop_(loop), outbound_(std::move(outbound)) {}
  Awaitable<Result<StreamPtr>> dial(const Endpoint& to) override;
  /// At least one address. Each but the last has a few seconds.
  Awaitable<Result<StreamPtr>> dial_one_of(std::vector<asio::ip::tcp::endpoint> addresses);

 private:
  Awaitable<Result<StreamPtr>> connect(asio::ip::tcp::endpoint to);
  error_code bind_outbound(int descriptor, const asio::ip::tcp::endpoint& to) const;
  Loop& loop_;
  OutboundAddresses outbound_;
};

}  // namespace ptproxy
