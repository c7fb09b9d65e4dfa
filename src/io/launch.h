#pragma once
/// \file
/// fork and exec.

#include <ptproxy/processes.h>

#include <sys/types.h>

#include <utility>

namespace ptproxy {

/// A file descriptor that is closed when it dies.
class OwnedDescriptor {
 public:
  explicit OwnedDescriptor(int descriptor = -1) : descriptor_(descriptor) {}
  OwnedDescriptor(OwnedDescriptor&& other) noexcept : descriptor_(other.release()) {}
  OwnedDescriptor& operator=(OwnedDescriptor&& other) noexcept {
    OwnedDescriptor dying(std::exchange(descriptor_, other.release()));
    return *this;
  }
  ~OwnedDescriptor();
  int get() const { return descriptor_; }
  bool opened() const { return descriptor_ >= 0; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

/// The two ends of something; both closed when there is none to be had.
class DescriptorPair {
 public:
  static DescriptorPair pipe();  ///< `ours` reads, `theirs` writes
  static DescriptorPair sockets();
  OwnedDescriptor ours, theirs;
};

/// Starts a program with these as its stdin, stdout and stderr, in a process group of its own, and to be told to end
/// when we die. It inherits no other descriptor, no environment and no signal that is blocked or ignored.
Checked<pid_t> launch(const Command& command, int in, int out, int errors);

}  // namespace ptproxy
