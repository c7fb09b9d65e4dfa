// The application of the round trips: says 64 bytes on a connection that it inherits and waits until they are back.
// Usage: ping DESCRIPTOR TRIPS (prints the microseconds of the median and of the 99th percentile)
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  const int connection = std::atoi(argv[1]), on = 1;
  const auto trips = static_cast<std::size_t>(std::atoi(argv[2]));
  ::setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::array<char, 64> bytes{};
  std::vector<double> times;
  for (std::size_t i = 0; i < trips; ++i) {
    const auto began = std::chrono::steady_clock::now();
    if (::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) return 1;
    if (::recv(connection, bytes.data(), bytes.size(), MSG_WAITALL) != static_cast<ssize_t>(bytes.size())) return 1;
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began).count());
  }
  std::ranges::sort(times);
  std::printf("%.1f %.1f\n", times[trips / 2], times[trips * 99 / 100]);
}
