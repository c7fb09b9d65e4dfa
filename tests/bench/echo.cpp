// The Server App of the round trips: gives back what it hears on one connection, so that a measurement holds little
// else than the way there and back. Usage: echo PORT (says "ready" once it listens)
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(listener, 1) != 0) {
    std::perror("echo");
    return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  const int connection = ::accept(listener, nullptr, nullptr);
  ::setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::array<char, 4096> bytes;
  for (;;) {
    const auto heard = ::recv(connection, bytes.data(), bytes.size(), 0);
    if (heard <= 0) return 0;
    if (::send(connection, bytes.data(), static_cast<std::size_t>(heard), MSG_NOSIGNAL) != heard) return 1;
  }
}
