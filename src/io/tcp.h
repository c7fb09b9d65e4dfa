#pragma once
/// \file
/// TCP: the sockets behind Stream, Listener and Dialer.

#include <ptproxy/stream.h>

#include "io/live_sockets.h"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <memory>

namespace ptproxy {

using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, Executor>;

/// What every socket of one loop needs. Outlives them.
class Loop {
 public:
  Loop(Executor executor, ChunkPool& chunks, LiveSockets& live) : executor(executor), chunks(chunks), live(live) {}
  Executor executor;
  ChunkPool& chunks;
  LiveSockets& live;
};

class TcpStream final : public Stream, private LiveSockets::Member {
 public:
  TcpStream(Loop& loop, TcpSocket socket);
  Awaitable<Result<Chunk>> read() override;
  Awaitable<Result<>> write(Chunk bytes) override;
  void shutdown_write() override;
  void close() override;
  std::optional<Endpoint> peer() const override;

 private:
  void drain() override;
  void cut() override { close(); }

  Loop& loop_;
  TcpSocket socket_;
  bool more_expected_ = false;
};

class TcpListener final : public Listener, private LiveSockets::Member {
 public:
  /// Binds and listens; connecting works from now on. Port 0 takes a free one.
  static Checked<std::unique_ptr<TcpListener>> open(Loop& loop, const Endpoint& at);
  Endpoint local() const;
  Awaitable<Result<StreamPtr>> accept() override;

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
  TcpListener(Loop& loop, Acceptor acceptor) : Member(loop.live), loop_(loop), acceptor_(std::move(acceptor)) {}
  void drain() override { cut(); }
  void cut() override;

  Loop& loop_;
  Acceptor acceptor_;
};

/// Connects directly; names are resolved by the system and their addresses tried in order.
class TcpDialer final : public Dialer {
 public:
  explicit TcpDialer(Loop& loop) : loop_(loop) {}
  Awaitable<Result<StreamPtr>> dial(const Endpoint& to) override;

 private:
  Awaitable<Result<StreamPtr>> connect(asio::ip::tcp::endpoint to);
  Loop& loop_;
};

}  // namespace ptproxy
