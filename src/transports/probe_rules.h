#pragma once
/// \file
/// How long obfs4 and ScrambleSuit wait, and for how long they remember: the same for both, so that a prober cannot
/// tell them apart by it.

#include "crypto/siphash_drbg.h"

#include <chrono>

namespace ptproxy {

/// From dialling to the end of the handshake.
inline constexpr std::chrono::seconds client_limit{60};
/// From accepting to the end of the handshake.
inline constexpr std::chrono::seconds server_limit{30};
/// How long a server remembers a hello: over every hour for which it is good, and over the time that it may take to
/// say.
inline constexpr std::chrono::seconds replay_memory = std::chrono::hours(3) + server_limit;
inline constexpr std::size_t replay_capacity = 102400;

/// What a failed connection gets on top of server_limit before it is closed, 0 to 59 s: the same for every connection
/// to one bridge, also after a restart.
inline std::chrono::seconds close_delay(const SipHashDrbg::Seed& bridge_seed) {
  return std::chrono::seconds(SipHashDrbg(bridge_seed).intn(60));
}

}  // namespace ptproxy
