#pragma once
/// \file
/// A connected socket, TCP or UNIX, as a Stream.

#include <ptproxy/stream.h>

#include "io/live_sockets.h"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace ptproxy {

/// What every socket of one loop needs. Outlives them.
class Loop {
 public:
  Loop(Executor executor, ChunkPool& chunks, LiveSockets& live) : executor(executor), chunks(chunks), live(live) {}
  Executor executor;
  ChunkPool& chunks;
  LiveSockets& live;
};

/// A socket of any family; those of one family turn into it by themselves.
using StreamSocket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;

class SocketStream final : public Stream, private LiveSockets::Member {
 public:
  SocketStream(Loop& loop, StreamSocket socket);
  Awaitable<Result<Chunk>> read() override;
  Awaitable<Result<>> write(Chunk bytes) override;
  void shutdown_write() override;
  void close() override;
  std::optional<Endpoint> peer() const override;

 private:
  void drain() override { moved_ = false; }
  void end_if_quiet() override;
  void cut() override { close(); }

  Loop& loop_;
  StreamSocket socket_;
  unsigned in_a_row_ = 0;       // chunks read without a wait
  bool more_expected_ = false;  // the last read may not have emptied the socket
  bool moved_ = false;          // since it was last asked
  bool writing_ = false;
  bool ended_ = false;  // by end_if_quiet
};

/// An IPv4 address in the clothes of IPv6 (::ffff:1.2.3.4) is taken for what it is.
asio::ip::address without_mapping(const asio::ip::address& address);

/// An IP socket's address, without a mapping.
Endpoint to_endpoint(const asio::ip::tcp::endpoint& endpoint);

}  // namespace ptproxy
