#include "io/tcp.h"

#include "io/spawn.h"

#include <fmt/format.h>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include <chrono>

namespace ptproxy {
namespace {

using tcp = asio::ip::tcp;

constexpr int backlog = 4096;
constexpr std::chrono::milliseconds rest_without_descriptors{100};

/// An IPv4 address in the clothes of IPv6 (::ffff:1.2.3.4) is taken for what it is.
asio::ip::address without_mapping(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

Endpoint to_endpoint(const tcp::endpoint& endpoint) {
  auto address = without_mapping(endpoint.address());
  if (address.is_v6()) {
    auto v6 = address.to_v6();
    v6.scope_id(0);
    address = v6;
  }
  return {address.to_string(), endpoint.port()};
}

void set_options(TcpSocket& socket) {
  error_code ignored;
  socket.non_blocking(true, ignored);
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

TcpStream::TcpStream(Loop& loop, TcpSocket socket) : Member(loop.live), loop_(loop), socket_(std::move(socket)) {
  set_options(socket_);
}

Awaitable<Result<Chunk>> TcpStream::read() {
  for (;;) {
    // A read that came back short has emptied the socket: asking again before it is readable would be a wasted call.
    if (more_expected_ || ended_) {
      Chunk chunk = loop_.chunks.borrow();
      error_code ec;
      const auto space = chunk.space().first(Chunk::read_limit);
      const auto n = socket_.read_some(asio::buffer(space.data(), space.size()), ec);
      more_expected_ = n == space.size();
      if (!ec) {
        moved_ = true;
        chunk.commit(n);
        co_return std::move(chunk);
      }
      if (ec != asio::error::would_block) {
        more_expected_ = true;
        co_return ec;
      }
      if (ended_) co_return error_code(asio::error::eof);
    }
    auto [ec] = co_await socket_.async_wait(tcp::socket::wait_read, as_tuple);
    if (ec && (!ended_ || co_await cancelled() || !socket_.is_open())) co_return ec;
    more_expected_ = true;
  }
}

Awaitable<Result<>> TcpStream::write(Chunk bytes) {
  writing_ = true;
  for (;;) {
    error_code ec;
    bytes.drop_front(socket_.write_some(asio::buffer(bytes.bytes().data(), bytes.size()), ec));
    if (!ec && !bytes.empty()) continue;
    if (ec == asio::error::would_block)
      ec = std::get<0>(co_await socket_.async_wait(tcp::socket::wait_write, as_tuple));
    if (!ec && !bytes.empty()) continue;
    writing_ = false;
    moved_ = true;
    if (ec) co_return ec;
    co_return Result<>();
  }
}

void TcpStream::shutdown_write() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void TcpStream::close() {
  error_code ignored;
  socket_.close(ignored);
}

std::optional<Endpoint> TcpStream::peer() const {
  error_code ec;
  const auto endpoint = socket_.remote_endpoint(ec);
  if (ec) return std::nullopt;
  return to_endpoint(endpoint);
}

void TcpStream::end_if_quiet() {
  if (std::exchange(moved_, false) || writing_) return;
  ended_ = true;
  error_code ignored;
  socket_.cancel(ignored);
}

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
    if (!ec) co_return std::make_unique<TcpStream>(loop_, std::move(std::get<1>(accepted)));
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
  co_return std::make_unique<TcpStream>(loop_, std::move(attempt.socket));
}

Awaitable<Result<StreamPtr>> TcpDialer::dial(const Endpoint& to) {
  error_code ec;
  const auto address = asio::ip::make_address(to.host(), ec);
  if (!ec) co_return co_await connect(tcp::endpoint(without_mapping(address), to.port()));

  asio::ip::basic_resolver<tcp, Executor> resolver(loop_.executor);
  auto resolved = co_await resolver.async_resolve(to.host(), std::to_string(to.port()),
                                                  asio::ip::resolver_base::numeric_service, as_tuple);
  ec = std::get<0>(resolved);
  if (ec) co_return ec;
  for (const auto& row : std::get<1>(resolved)) {
    auto stream = co_await connect(row.endpoint());
    if (stream) co_return stream;
    ec = stream.error();
    if (co_await cancelled()) break;
  }
  co_return ec ? ec : error_code(asio::error::host_not_found);
}

}  // namespace ptproxy
