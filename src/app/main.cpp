#include "app/start.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>

namespace {

/// A closed stdin, stdout or stderr would give its number to the next socket.
void fill_standard_descriptors() {
  for (;;) {
    const int descriptor = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return;
    if (descriptor > STDERR_FILENO) {
      ::close(descriptor);
      return;
    }
  }
}

ptproxy::Environment environment_variables() {
  ptproxy::Environment environment;
  for (char** row = environ; row && *row; ++row) {
    const std::string_view text(*row);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);
  // Ignored, as some parents leave it, children could not tell how they ended.
  std::signal(SIGCHLD, SIG_DFL);
  // In the background of a terminal, stdin is somebody else's: reading it fails then, and does not stop us.
  std::signal(SIGTTIN, SIG_IGN);
  try {
    return static_cast<int>(ptproxy::run({argv + (argc > 0 ? 1 : 0), argv + argc}, environment_variables()));
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "ptproxy: internal fault: %s\n", fault.what());
    return static_cast<int>(ptproxy::ExitCode::software);
  }
}
