#include "io/tcp.h"

#include "io/resolve.h"
#include "io/spawn.h"
#include "io/timing.h"

#include <fmt/format.h>

#include <boost/asio/ip/v6_only.hpp>

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <iterator>
#include <utility>

namespace ptproxy {
namespace {

using tcp = asio::ip::tcp;

constexpr int backlog = 4096;
/// So many connections in a row, and then it is the others' turn.
constexpr unsigned most_in_a_row = 32;
constexpr std::chrono::milliseconds rest_without_descriptors{100};
/// As Go's, and so obfs4proxy's: another number would tell us apart from it.
constexpr int keep_alive_seconds = 15;
/// For each address of a name but the last.
constexpr std::chrono::seconds address_limit{3};

/// What is accepted inherits them from the listener.
template <class Socket>
void set_options(Socket& socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  for (const int option : {TCP_KEEPIDLE, TCP_KEEPINTVL})
    (void)::setsockopt(socket.native_handle(), IPPROTO_TCP, option, &keep_alive_seconds, sizeof keep_alive_seconds);
}

/// A socket that nobody waits on yet.
class Descriptor {
 public:
  explicit Descriptor(const tcp& protocol)
      : number_(::socket(protocol.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)) {}
  ~Descriptor() { reset(-1); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }
  void reset(int number) {
    const int old = std::exchange(number_, number);
    if (old >= 0) ::close(old);
  }
  /// Hands it to `socket`, which then waits for reading only.
  error_code give_to(TcpSocket& socket, const tcp& protocol) {
    error_code ec;
    socket.assign(protocol, number_, ec);
    if (!ec) number_ = -1;
    return ec;
  }

 private:
  int number_;
};

/// Whether accepting would succeed now. To accept in vain costs as much as to accept: the kernel makes the new socket
/// first.
bool somebody_waits(int listener) {
  pollfd asked{listener, POLLIN, 0};
  return ::poll(&asked, 1, 0) > 0;
}

error_code of_errno(int result) {
  return result == 0 ? error_code() : error_code(errno, boost::system::system_category());
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
  // Otherwise Asio waits for the next connection, and the whole program with it.
  if (!ec) acceptor.set_option(asio::socket_base::enable_connection_aborted(true), ec);
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
    error_code ec;
    if (++in_a_row_ > most_in_a_row || !somebody_waits(acceptor_.native_handle())) {
      in_a_row_ = 0;
      ec = std::get<0>(co_await acceptor_.async_wait(asio::socket_base::wait_read, as_tuple));
    }
    TcpSocket socket(loop_.executor);
    if (!ec) acceptor_.accept(socket, ec);
    if (!ec) co_return std::make_unique<SocketStream>(loop_, std::move(socket));
    if (!acceptor_.is_open() || ec == asio::error::operation_aborted) co_return ec;
    // Whatever else went wrong belongs to that one connection, or to a machine that is out of descriptors for now.
    if (ec == boost::system::errc::too_many_files_open || ec == boost::system::errc::too_many_files_open_in_system ||
        ec == boost::system::errc::no_buffer_space || ec == boost::system::errc::not_enough_memory) {
      SteadyTimer rest(loop_.executor, rest_without_descriptors);
      auto [stopped] = co_await rest.async_wait(as_tuple);
      if (stopped) co_return stopped;
    }
  }
}

void TcpListener::cut() {
  error_code ignored;
  acceptor_.close(ignored);
}

error_code TcpDialer::bind_outbound(int descriptor, const tcp::endpoint& to) const {
  const auto& from = to.address().is_v4() ? outbound_.v4 : outbound_.v6;
  if (!from || to.address().is_loopback()) return {};
  error_code ec;
  const tcp::endpoint local(asio::ip::make_address(*from, ec), 0);
  return ec ? ec : of_errno(::bind(descriptor, local.data(), static_cast<socklen_t>(local.size())));
}

Awaitable<Result<StreamPtr>> TcpDialer::connect(tcp::endpoint to) {
  if (loop_.live.draining()) co_return error_code(asio::error::operation_aborted);
  Descriptor descriptor(to.protocol());
  if (descriptor.number() < 0) co_return of_errno(-1);
  const auto bound = bind_outbound(descriptor.number(), to);
  if (bound) co_return bound;

  const auto connect = [&] {
    return of_errno(::connect(descriptor.number(), to.data(), static_cast<socklen_t>(to.size())));
  };
  auto ec = connect();
  // Loopback has answered by now (an ORPort, a local upstream proxy); asking once more is cheaper than to wait for it.
  if (ec == asio::error::in_progress) ec = connect();
  while (ec == asio::error::already_started) {
    Attempt attempt(loop_);
    ec = descriptor.give_to(attempt.socket, to.protocol());
    if (ec) co_return ec;
    auto [stopped] = co_await attempt.socket.async_wait(asio::socket_base::wait_write, as_tuple);
    if (stopped) co_return stopped;
    // Asio goes on asking for EPOLLOUT on a socket that once waited for it, so that every wait for something to read
    // wakes up at once, for nothing. As a new one it asks for reading only.
    const int connected = attempt.socket.release(ec);
    if (ec) co_return ec;
    descriptor.reset(connected);
    ec = connect();  // tells what became of it
  }
  if (ec) co_return ec;
  TcpSocket socket(loop_.executor);
  ec = descriptor.give_to(socket, to.protocol());
  if (ec) co_return ec;
  set_options(socket);
  co_return std::make_unique<SocketStream>(loop_, std::move(socket));
}

Awaitable<Result<StreamPtr>> TcpDialer::dial(const Endpoint& to) {
  error_code ec;
  const auto address = asio::ip::make_address(to.host(), ec);
  if (!ec) co_return co_await connect(tcp::endpoint(without_mapping(address), to.port()));

  auto resolved = co_await resolve(loop_, to);
  if (!resolved) co_return resolved.error();
  co_return co_await dial_one_of(std::move(*resolved));
}

Awaitable<Result<StreamPtr>> TcpDialer::dial_one_of(std::vector<tcp::endpoint> addresses) {
  // A network may have the one family's addresses and no way there: the second try is the other family's (RFC 8305, 4).
  const auto of_other_family = std::ranges::find_if(
      addresses, [&](const auto& address) { return address.protocol() != addresses.front().protocol(); });
  if (of_other_family != addresses.end())
    std::rotate(std::next(addresses.begin()), of_other_family, std::next(of_other_family));
  SystemClock clock(loop_.executor);
  for (; addresses.size() > 1; addresses.erase(addresses.begin())) {
    auto stream = co_await within(clock, address_limit, connect(addresses.front()));
    if (stream) co_return stream;
    const auto state = co_await asio::this_coro::cancellation_state;
    if (is_cancelled(state)) co_return stream.error();
  }
  co_return co_await connect(addresses.front());
}

}  // namespace ptproxy
