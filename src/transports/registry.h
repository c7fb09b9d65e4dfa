#pragma once
/// \file
/// The transports that are compiled in.

#include <ptproxy/transport.h>

#include <span>
#include <string_view>

namespace ptproxy {

std::span<const TransportEntry* const> all_transports();
/// nullptr for a name that is not there.
const TransportEntry* find_transport(std::string_view name);

}  // namespace ptproxy
