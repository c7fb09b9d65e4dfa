#include "io/udp.h"

#include "io/resolve.h"
#include "io/spawn.h"

#include <fmt/format.h>

#include <boost/asio/ip/v6_only.hpp>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace ptproxy {
namespace {

using udp = asio::ip::udp;

// A burst of a few hundred packets waits in the kernel while the loop is busy elsewhere.
constexpr int receive_buffer = 1024 * 1024;

void set_options(UdpSocket::Socket& socket) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(asio::socket_base::receive_buffer_size(receive_buffer), ignored);
  // A packet that is too long for a link on its way is to be cut in pieces there, as the application's own would be
  // that does not ask for more: without the don't-fragment bit. One of the two calls is for the other family.
  const int v4 = IP_PMTUDISC_DONT, v6 = IPV6_PMTUDISC_DONT;
  (void)::setsockopt(socket.native_handle(), IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof v4);
  (void)::setsockopt(socket.native_handle(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof v6);
}

}  // namespace

/// What recvmmsg and sendmmsg work on. One for all sockets of a loop, since neither waits.
class UdpBatch {
 public:
  static constexpr std::size_t most = DatagramSocket::most_at_once;
  // More than any packet, and not a multiple of a page: else all packets would compete for the same lines of the cache.
  static constexpr std::size_t slot = 64 * 1024 + 33 * 64;

  UdpBatch() {
    for (std::size_t i = 0; i < most; ++i) {
      headers_[i].msg_hdr.msg_iov = &parts_[i];
      headers_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  Result<std::span<const Datagram>> receive(int socket, bool connected) {
    for (std::size_t i = 0; i < most; ++i) {
      parts_[i] = {memory_.get() + i * slot, slot};
      headers_[i].msg_hdr.msg_name = connected ? nullptr : &addresses_[i];
      headers_[i].msg_hdr.msg_namelen = connected ? 0 : sizeof addresses_[i];
    }
    const int n = ::recvmmsg(socket, headers_.data(), most, MSG_DONTWAIT, nullptr);
    if (n < 0) return error_code(errno, boost::system::system_category());
    for (int i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const ByteView address(addresses_[at].data(), connected ? 0 : headers_[at].msg_hdr.msg_namelen);
      received_[at] = {{memory_.get() + at * slot, headers_[at].msg_len}, DatagramPeer(address)};
    }
    return std::span<const Datagram>(received_.data(), static_cast<std::size_t>(n));
  }

  /// How many were taken, or -1 with errno.
  int send(int socket, std::span<const ByteView> packets, ByteView to) {
    for (std::size_t i = 0; i < packets.size(); ++i) {
      parts_[i] = {const_cast<Byte*>(packets[i].data()), packets[i].size()};
      headers_[i].msg_hdr.msg_name = to.empty() ? nullptr : const_cast<Byte*>(to.data());
      headers_[i].msg_hdr.msg_namelen = static_cast<socklen_t>(to.size());
    }
    return ::sendmmsg(socket, headers_.data(), static_cast<unsigned>(packets.size()), MSG_DONTWAIT);
  }

 private:
  std::unique_ptr<Byte[]> memory_ = std::make_unique_for_overwrite<Byte[]>(most * slot);
  std::array<mmsghdr, most> headers_{};
  std::array<iovec, most> parts_{};
  std::array<ByteArray<DatagramPeer::capacity>, most> addresses_{};
  std::array<Datagram, most> received_{};
};

UdpSocket::UdpSocket(Loop& loop, UdpBatch& batch, Socket bound)
    : Member(loop.live), loop_(loop), batch_(batch), socket_(std::move(bound)) {
  set_options(socket_);
}

UdpSocket::UdpSocket(Loop& loop, UdpBatch& batch, std::vector<udp::endpoint> peer)
    : Member(loop.live), loop_(loop), batch_(batch), socket_(loop.executor), connected_(true), peer_(std::move(peer)) {}

error_code UdpSocket::connect() {
  error_code ec = asio::error::host_not_found;
  for (std::size_t tried = 0; ec && tried < peer_.size(); ++tried) {
    std::rotate(peer_.begin(), peer_.begin() + 1, peer_.end());
    Socket socket(loop_.executor);
    socket.open(peer_.back().protocol(), ec);
    if (!ec) socket.connect(peer_.back(), ec);
    if (ec) continue;
    set_options(socket);
    socket_ = std::move(socket);
  }
  return ec;
}

void UdpSocket::take_refusal(error_code why) {
  const bool nobody_there = why == asio::error::connection_refused || why == asio::error::host_unreachable ||
                            why == asio::error::network_unreachable;
  if (nobody_there && peer_.size() > 1) (void)connect();
}

Endpoint UdpSocket::local() const {
  error_code ignored;
  const auto endpoint = socket_.local_endpoint(ignored);
  return {endpoint.address().to_string(), endpoint.port()};
}

bool UdpSocket::something_arrived() {
  pollfd in{socket_.native_handle(), POLLIN, 0};
  return socket_.is_open() && ::poll(&in, 1, 0) == 1 && (in.revents & POLLIN);
}

Awaitable<Result<>> UdpSocket::wait() {
  for (;;) {
    if (ended_) {
      if (something_arrived()) co_return Result<>();
      co_return error_code(asio::error::eof);
    }
    auto [ec] = co_await socket_.async_wait(Socket::wait_read, as_tuple);
    if (!ec) co_return Result<>();
    // It may have been ended, or be another socket now.
    const auto state = co_await asio::this_coro::cancellation_state;
    if (ec != asio::error::operation_aborted || is_cancelled(state) || !socket_.is_open()) co_return ec;
  }
}

std::span<const Datagram> UdpSocket::receive() {
  if (!socket_.is_open()) return {};
  auto arrived = batch_.receive(socket_.native_handle(), connected_);
  if (!arrived && arrived.error() != asio::error::would_block) {
    // The error of a packet that was sent earlier, which is over once it was told.
    take_refusal(arrived.error());
    arrived = batch_.receive(socket_.native_handle(), connected_);
  }
  if (!arrived) return {};
  peer_.clear();
  return *arrived;
}

Awaitable<DatagramSocket::Sent> UdpSocket::send(std::span<const ByteView> packets, const DatagramPeer& to) {
  Sent sent;
  bool tried_again = false;
  while (!packets.empty() && socket_.is_open()) {
    const int n = batch_.send(socket_.native_handle(), packets, connected_ ? ByteView() : to.address());
    const int why = errno;
    if (n > 0) {
      const auto taken = static_cast<std::size_t>(n);
      for (const auto& packet : packets.first(taken)) sent.bytes += packet.size();
      sent.packets += taken;
      packets = packets.subspan(taken);
      tried_again = false;
    } else if (why == EAGAIN) {
      auto [ec] = co_await socket_.async_wait(Socket::wait_write, as_tuple);
      const auto state = co_await asio::this_coro::cancellation_state;
      if (ec && (ec != asio::error::operation_aborted || is_cancelled(state))) break;
    } else {
      // The first time it may have been the error of an earlier packet, which is over once it was told.
      if (!tried_again) take_refusal({why, boost::system::system_category()});
      if (tried_again) packets = packets.subspan(1);
      tried_again = !tried_again;
    }
  }
  co_return sent;
}

void UdpSocket::close() {
  error_code ignored;
  socket_.close(ignored);
}

void UdpSocket::drain() {
  if (connected_) return;  // its flow goes on, and closes it
  ended_ = true;
  error_code ignored;
  socket_.cancel(ignored);
}

Udp::Udp(Loop& loop) : loop_(loop), batch_(std::make_unique<UdpBatch>()) {}

Udp::~Udp() = default;

Checked<std::unique_ptr<UdpSocket>> Udp::listen(const Endpoint& at) {
  error_code ec;
  const auto address = asio::ip::make_address(at.host(), ec);
  if (ec) return Refusal("cannot listen there: not an IP address");
  const udp::endpoint endpoint(address, at.port());
  UdpSocket::Socket socket(loop_.executor);
  socket.open(endpoint.protocol(), ec);
  if (!ec && address.is_v6()) socket.set_option(asio::ip::v6_only(false), ec);
  if (!ec) socket.bind(endpoint, ec);
  if (ec) return Refusal(fmt::format("cannot listen there: {}", ec.message()));
  return std::make_unique<UdpSocket>(loop_, *batch_, std::move(socket));
}

Result<DatagramSocketPtr> Udp::dial_one_of(std::vector<udp::endpoint> addresses) {
  auto socket = std::make_unique<UdpSocket>(loop_, *batch_, std::move(addresses));
  const auto ec = socket->connect();
  if (ec) return ec;
  return socket;
}

Awaitable<Result<DatagramSocketPtr>> Udp::dial(const Endpoint& to) {
  error_code ec;
  const auto address = asio::ip::make_address(to.host(), ec);
  if (!ec) co_return dial_one_of({udp::endpoint(address, to.port())});

  const auto resolved = co_await resolve(loop_, to);
  if (!resolved) co_return resolved.error();
  std::vector<udp::endpoint> addresses;
  for (const auto& found : *resolved) addresses.emplace_back(found.address(), found.port());
  co_return dial_one_of(std::move(addresses));
}

}  // namespace ptproxy
