#include <ptproxy/write.h>

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace ptproxy {

void write_whole(int descriptor, std::string_view line) {
  while (!line.empty()) {
    const auto n = ::write(descriptor, line.data(), line.size());
    if (n >= 0) {
      line.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd out{descriptor, POLLOUT, 0};
      (void)::poll(&out, 1, -1);
    } else if (errno != EINTR) {
      return;
    }
  }
}

bool write_if_room(int descriptor, std::string_view line) {
  pollfd out{descriptor, POLLOUT, 0};
  if (::poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT)) return false;
  write_whole(descriptor, line);
  return true;
}

}  // namespace ptproxy
