#pragma once
/// \file
/// TLS over a Stream, as a Stream.

#include <ptproxy/transport.h>

#include "wire/tls.h"

namespace ptproxy::meek {

/// Shakes hands over `wire`, without a limit of its own. Reading ends with TlsErrc::closed where the peer ended the
/// talk properly, and with eof where the connection ended beneath it.
Awaitable<Result<StreamPtr>> secure(Services& services, StreamPtr wire, TlsHandshake handshake);

}  // namespace ptproxy::meek
