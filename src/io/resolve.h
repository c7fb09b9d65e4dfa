#pragma once
/// \file
/// Names to addresses, by the system's resolver.

#include "io/tcp.h"

#include <vector>

namespace ptproxy {

/// The addresses of a host name, in the order in which the system would try them, each with the name's port. The
/// system's resolver cannot be interrupted and may take minutes, so each lookup has a thread of its own, which is left
/// behind when the waiter is cancelled or the loop drains. Errors: asio::error::host_not_found and its like;
/// host_not_found_try_again also when too many lookups are under way.
Awaitable<Result<std::vector<asio::ip::tcp::endpoint>>> resolve(Loop& loop, const Endpoint& name);

}  // namespace ptproxy
