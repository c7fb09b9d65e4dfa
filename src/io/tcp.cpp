#include "io/tcp.h"

#include "io/resolve.h"
#include "io/spawn.h"

#include <fmt/format.h>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include <unistd.h>

#include <chrono>

namespace ptproxy {
namespace {

using tcp = asio::ip::tcp;

constexpr int backlog = 4096;
constexpr std::chrono::milliseconds rest_without_descriptors{100};

/// What is accepted inherits them from the listener.
template <class Socket>
void set_options(Socket& socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
}

/// A connection attempt that ends when the loop drains.
class Attempt final : private LiveSockets::Member {
 public:
  Attempt(Loop& loop) : Member(loop.live), socket(loop.executor) {}
  TcpSocket socket;

 private:
  void drain() override { cut(); }
  void cut() override {
    error_code ignored;
    socket.close(ignored);
  }
};

}  // namespace

Checked<std::unique_ptr<TcpListener>> TcpListener::open(Loop& loop, const Endpoint& at) {
  error_code ec;
  const auto address = asio::ip::make_address(at.host(), ec);
  if (ec) return Refusal("cannot listen there: not an IP address");
  const tcp::endpoint endpoint(address, at.port());
  Acceptor acceptor(loop.executor);
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec && address.is_v6()) acceptor.set_option(asio::ip::v6_only(false), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) set_options(acceptor);
  if (!ec) acceptor.listen(backlog, ec);
  if (!ec) acceptor.non_blocking(true, ec);
  if (ec) return Refusal(fmt::format("cannot listen there: {}", ec.message()));
  return std::unique_ptr<TcpListener>(new TcpListener(loop, std::move(acceptor)));
}

Endpoint TcpListener::local() const {
  error_code ignored;
  return to_endpoint(acceptor_.local_endpoint(ignored));
}

Awaitable<Result<StreamPtr>> TcpListener::accept() {
  for (;;) {
    // Named first: GCC skips the destructor of a socket in a structured binding when the frame dies suspended.
    auto accepted = co_await acceptor_.async_accept(as_tuple);
    const error_code ec = std::get<0>(accepted);
    if (!ec) co_return std::make_unique<SocketStream>(loop_, std::move(std::get<1>(accepted)));
    if (!acceptor_.is_open() || ec == asio::error::operation_aborted) co_return ec;
    // Whatever else went wrong belongs to that one connection, or to a machine that is out of descriptors for now.
    if (ec == boost::system::errc::too_many_files_open || ec == boost::system::errc::too_many_files_open_in_system ||
        ec == boost::system::errc::no_buffer_space || ec == boost::system::errc::not_enough_memory) {
      asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>
          rest(loop_.executor, rest_without_descriptors);
      auto [stopped] = co_await rest.async_wait(as_tuple);
      if (stopped) co_return stopped;
    }
  }
}

void TcpListener::cut() {
  error_code ignored;
  acceptor_.close(ignored);
}

error_code TcpDialer::bind_outbound(TcpSocket& socket, const tcp::endpoint& to) const {
  const auto& from = to.address().is_v4() ? outbound_.v4 : outbound_.v6;
  if (!from || to.address().is_loopback()) return {};
  error_code ec;
  const auto address = asio::ip::make_address(*from, ec);
  if (!ec) socket.open(to.protocol(), ec);
  if (!ec) socket.bind(tcp::endpoint(address, 0), ec);
  return ec;
}

Awaitable<Result<StreamPtr>> TcpDialer::connect(tcp::endpoint to) {
  if (loop_.live.draining()) co_return error_code(asio::error::operation_aborted);
  Attempt attempt(loop_);
  const auto bound = bind_outbound(attempt.socket, to);
  if (bound) co_return bound;
  auto [ec] = co_await attempt.socket.async_connect(to, as_tuple);
  if (ec) co_return ec;
  // Asio goes on asking for EPOLLOUT on a socket that once waited for it, so that every wait for something to read
  // wakes up at once, for nothing. As a new one it asks for reading only.
  const auto descriptor = attempt.socket.release(ec);
  if (ec) co_return ec;
  TcpSocket socket(loop_.executor);
  socket.assign(to.protocol(), descriptor, ec);
  if (ec) {
    ::close(descriptor);
    co_return ec;
  }
  set_options(socket);
  co_return std::make_unique<SocketStream>(loop_, std::move(socket));
}

Awaitable<Result<StreamPtr>> TcpDialer::dial(const Endpoint& to) {
  error_code ec;
  const auto address = asio::ip::make_address(to.host(), ec);
  if (!ec) co_return co_await connect(tcp::endpoint(without_mapping(address), to.port()));

  const auto resolved = co_await resolve(loop_, to);
  if (!resolved) co_return resolved.error();
  for (const auto& candidate : *resolved) {
    auto stream = co_await connect(candidate);
    if (stream) co_return stream;
    ec = stream.error();
    const auto state = co_await asio::this_coro::cancellation_state;
    if (is_cancelled(state)) break;
  }
  co_return ec ? ec : error_code(asio::error::host_not_found);
}

}  // namespace ptproxy
