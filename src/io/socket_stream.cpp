#include "io/socket_stream.h"

#include "io/spawn.h"

#include <cstring>

namespace ptproxy {
namespace {

using tcp = asio::ip::tcp;

/// So many full chunks in a row, and then it is the others' turn.
constexpr unsigned most_in_a_row = 4;

}  // namespace

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

SocketStream::SocketStream(Loop& loop, StreamSocket socket)
    : Member(loop.live), loop_(loop), socket_(std::move(socket)) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
}

Awaitable<Result<Chunk>> SocketStream::read() {
  for (;;) {
    // A read that came back short has emptied the socket: asking again before it is readable would be a wasted call.
    // Waiting is also how the other connections get their turn.
    if (more_expected_ || ended_) {
      Chunk chunk = loop_.chunks.borrow();
      error_code ec;
      const auto space = chunk.space().first(Chunk::read_limit);
      const auto n = socket_.read_some(asio::buffer(space.data(), space.size()), ec);
      more_expected_ = n == space.size() && ++in_a_row_ < most_in_a_row;
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
    auto [ec] = co_await socket_.async_wait(asio::socket_base::wait_read, as_tuple);
    if (ec) {
      const auto state = co_await asio::this_coro::cancellation_state;
      if (!ended_ || is_cancelled(state) || !socket_.is_open()) co_return ec;
    }
    more_expected_ = true;
    in_a_row_ = 0;
  }
}

Awaitable<Result<>> SocketStream::write(Chunk bytes) {
  writing_ = true;
  for (;;) {
    error_code ec;
    bytes.drop_front(socket_.write_some(asio::buffer(bytes.bytes().data(), bytes.size()), ec));
    if (!ec && !bytes.empty()) continue;
    if (ec == asio::error::would_block)
      ec = std::get<0>(co_await socket_.async_wait(asio::socket_base::wait_write, as_tuple));
    if (!ec && !bytes.empty()) continue;
    writing_ = false;
    moved_ = true;
    if (ec) co_return ec;
    co_return Result<>();
  }
}

void SocketStream::shutdown_write() {
  error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
}

void SocketStream::close() {
  error_code ignored;
  socket_.close(ignored);
}

std::optional<Endpoint> SocketStream::peer() const {
  error_code ec;
  const auto generic = socket_.remote_endpoint(ec);
  const int family = generic.protocol().family();
  tcp::endpoint endpoint;
  if (ec || (family != AF_INET && family != AF_INET6) || generic.size() > endpoint.capacity()) return std::nullopt;
  std::memcpy(endpoint.data(), generic.data(), generic.size());
  return to_endpoint(endpoint);
}

void SocketStream::end_if_quiet() {
  if (std::exchange(moved_, false) || writing_) return;
  ended_ = true;
  error_code ignored;
  socket_.cancel(ignored);
}

}  // namespace ptproxy
