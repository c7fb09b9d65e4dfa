#pragma once
/// \file
/// Two streams, both ways.

#include <ptproxy/clock.h>

namespace ptproxy {

/// After one side has ended, the other may be silent this long before both are closed.
inline constexpr std::chrono::seconds half_closed_limit{300};

/// Passes bytes both ways until both sides have ended, one breaks, or one is silent for half_closed_limit after the
/// other has ended. Half-close is kept: the end of one side's sending is told to the other, whose bytes go on. Returns
/// at once; the streams live until the relay ends. The clock outlives it.
void start_relay(Executor executor, Clock& clock, StreamPtr near, StreamPtr far);

}  // namespace ptproxy
