#pragma once
/// \file
/// Streams and where they come from. One event loop, one thread: nothing here is locked.

#include <ptproxy/chunk.h>
#include <ptproxy/endpoint.h>
#include <ptproxy/result.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <optional>

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

}  // namespace ptproxy
