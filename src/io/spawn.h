#pragma once
/// \file
/// Sets a coroutine going on its own.

#include <ptproxy/stream.h>

#include <string_view>

namespace ptproxy {

/// Runs `task` until it ends. An exception in it, which can only be a bug or lack of memory, ends this task alone and is
/// logged under `name`, which must be a literal.
void spawn(Executor executor, std::string_view name, Awaitable<> task);

}  // namespace ptproxy
