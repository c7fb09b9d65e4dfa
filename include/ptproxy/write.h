#pragma once
/// \file
/// Lines to a descriptor that may be a pipe which somebody reads late, or never.

#include <string_view>

namespace ptproxy {

/// Waits until all of it is written, also when somebody has made the descriptor, which may be shared, one that does not
/// block.
void write_whole(int descriptor, std::string_view line);

/// A line of at most PIPE_BUF bytes, or nothing: who does not read must not be able to stop us for the sake of it.
/// Whether there was room.
bool write_if_room(int descriptor, std::string_view line);

}  // namespace ptproxy
