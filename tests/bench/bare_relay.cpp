// The floor that any relay stands on: recv and send, nothing else. `bare_relay PORT TARGET_PORT`, loopback, one
// connection at a time.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// False when `from` has ended.
bool move(int from, int to) {
  static std::array<char, 32 * 1024> bytes;
  const auto n = ::recv(from, bytes.data(), bytes.size(), 0);
  if (n <= 0) return false;
  for (ssize_t sent = 0; sent < n;) {
    const auto m = ::send(to, bytes.data() + sent, static_cast<std::size_t>(n - sent), MSG_NOSIGNAL);
    if (m < 0) return false;
    sent += m;
  }
  return true;
}

void relay(int near, int far) {
  std::array<pollfd, 2> both{{{near, POLLIN, 0}, {far, POLLIN, 0}}};
  while (both[0].fd >= 0 || both[1].fd >= 0) {
    ::poll(both.data(), both.size(), -1);
    if (both[0].revents && !move(near, far)) {
      ::shutdown(far, SHUT_WR);
      both[0].fd = -1;
    }
    if (both[1].revents && !move(far, near)) {
      ::shutdown(near, SHUT_WR);
      both[1].fd = -1;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0), on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  auto here = loopback(std::atoi(argv[1]));
  if (::bind(listener, reinterpret_cast<sockaddr*>(&here), sizeof here) != 0 || ::listen(listener, 16) != 0) return 1;
  std::puts("ready");
  std::fflush(stdout);
  const auto target = loopback(std::atoi(argv[2]));
  for (;;) {
    const int near = ::accept(listener, nullptr, nullptr), far = ::socket(AF_INET, SOCK_STREAM, 0);
    for (int socket : {near, far}) ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(far, reinterpret_cast<const sockaddr*>(&target), sizeof target) == 0) relay(near, far);
    ::close(near);
    ::close(far);
  }
}
