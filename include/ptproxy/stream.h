#pragma once
/// \file
/// Streams and datagrams, and where they come from. One event loop, one thread: nothing here is locked.

#include <ptproxy/chunk.h>
#include <ptproxy/endpoint.h>
#include <ptproxy/result.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <compare>
#include <memory>
#include <optional>
#include <span>

namespace ptproxy {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
template <class T = void>
using Awaitable = asio::awaitable<T, Executor>;
inline constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable_t<Executor>{});

/// Bytes in both directions. At most one read and one write may be under way at a time.
class Stream {
 public:
  virtual ~Stream() = default;
  /// Waits empty-handed, then gives at least one and at most Chunk::read_limit bytes. The peer's end of sending is
  /// asio::error::eof, again and again.
  virtual Awaitable<Result<Chunk>> read() = 0;
  /// Done when the kernel has taken all of it: that is the back-pressure.
  virtual Awaitable<Result<>> write(Chunk bytes) = 0;
  /// No more writes; the peer reads eof after what was written. Reading goes on.
  virtual void shutdown_write() = 0;
  /// Ends both directions and whatever waits in them.
  virtual void close() = 0;
  /// Who is on the other side, where the stream knows.
  virtual std::optional<Endpoint> peer() const { return std::nullopt; }
};
using StreamPtr = std::unique_ptr<Stream>;

class Listener {
 public:
  virtual ~Listener() = default;
  /// An error means that no more will come.
  virtual Awaitable<Result<StreamPtr>> accept() = 0;
  /// Where it listens, where it knows.
  virtual std::optional<Endpoint> address() const { return std::nullopt; }
};

class Dialer {
 public:
  virtual ~Dialer() = default;
  virtual Awaitable<Result<StreamPtr>> dial(const Endpoint& to) = 0;
};

/// Who sends datagrams, as the socket knows them: to be compared, kept and answered, not to be read.
class DatagramPeer {
 public:
  /// Room for an IPv4 or IPv6 socket address.
  static constexpr std::size_t capacity = 28;
  DatagramPeer() = default;
  /// `address` has at most `capacity` bytes.
  explicit DatagramPeer(ByteView address) : size_(static_cast<std::uint8_t>(address.size())) {
    std::copy(address.begin(), address.end(), bytes_.begin());
  }
  ByteView address() const { return ByteView(bytes_).first(size_); }
  auto operator<=>(const DatagramPeer&) const = default;

 private:
  ByteArray<capacity> bytes_{};
  std::uint8_t size_ = 0;
};

/// One packet; its bytes belong to the socket that received it.
struct Datagram {
  ByteView bytes;
  DatagramPeer from;
};

/// Whole packets in both directions: of everybody who sends to it, or of one peer. The batches are how many packets
/// cost one system call. One waiter for input at a time; sending may be under way for several peers.
class DatagramSocket {
 public:
  static constexpr std::size_t most_at_once = 64;
  virtual ~DatagramSocket() = default;
  /// Waits until something has arrived. An error means that no more will come.
  virtual Awaitable<Result<>> wait() = 0;
  /// What has arrived, at most most_at_once packets, without waiting. The views are good until any socket of the same
  /// loop receives again, so they must not be kept over a wait.
  virtual std::span<const Datagram> receive() = 0;
  /// What the kernel took of a batch; the rest it never would (too long for the network, no way there, socket closed).
  struct Sent {
    std::size_t packets = 0, bytes = 0;
  };
  /// Sends at most most_at_once packets, in order; waits while the kernel has no room. A socket of one peer ignores
  /// `to`.
  virtual Awaitable<Sent> send(std::span<const ByteView> packets, const DatagramPeer& to) = 0;
  /// Ends whatever waits in it.
  virtual void close() = 0;
};
using DatagramSocketPtr = std::unique_ptr<DatagramSocket>;

/// Opens sockets of one peer.
class DatagramDialer {
 public:
  virtual ~DatagramDialer() = default;
  virtual Awaitable<Result<DatagramSocketPtr>> dial(const Endpoint& to) = 0;
};

}  // namespace ptproxy
