#pragma once
/// \file
/// Lines to a descriptor that may be a pipe which somebody reads late, or never.

#include <string_view>

namespace ptproxy {

/// Waits until all of it is written, also when somebody has made the descriptor, which may be shared, one that does not
/// block. The descriptor stays the caller's. Where nobody can read any more, the rest is dropped in silence; SIGPIPE is
/// for the program to ignore.
void write_whole(int descriptor, std::string_view line);

/// A line of at most PIPE_BUF bytes, or nothing: who does not read must not be able to stop us for the sake of it.
/// Whether there was room: a pipe that can be written to has PIPE_BUF bytes of it on Linux.
bool write_if_room(int descriptor, std::string_view line);

}  // namespace ptproxy
