#pragma once
/// \file
/// Sets a coroutine going on its own, and asks one whether it was told to stop.

#include <ptproxy/stream.h>

#include <string_view>

namespace ptproxy {

/// Runs `task` until it ends. An exception in it, which can only be a bug or lack of memory, ends this task alone and
/// is logged under `name`, which must be a literal.
void spawn(Executor executor, std::string_view name, Awaitable<> task);

/// Whether the coroutine that asks was told to stop, as against the socket it waits for having been ended.
Awaitable<bool> cancelled();

}  // namespace ptproxy
