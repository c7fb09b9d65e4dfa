#pragma once
/// \file
/// Sets a coroutine going on its own, and asks one whether it was told to stop.

#include <ptproxy/stream.h>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include <functional>
#include <string_view>

namespace ptproxy {

/// Runs `task` until it ends. An exception in it, which can only be a bug or lack of memory, ends this task alone and
/// is logged under `name`, which must be a literal. Either way `at_end` is called then; not when the loop dies first.
void spawn(Executor executor, std::string_view name, Awaitable<> task, std::function<void()> at_end = {});

/// Whether the coroutine whose state this is was told to stop, as against the socket it waits for having been ended. It
/// is asked for with `co_await asio::this_coro::cancellation_state`, which, unlike every other co_await, never throws
/// then.
inline bool is_cancelled(const asio::cancellation_state& state) {
  return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace ptproxy
