#pragma once
/// \file
/// Where a client's requests go, from its arguments.

#include <ptproxy/args.h>
#include <ptproxy/endpoint.h>

namespace ptproxy::meek {

class Route {
 public:
  Endpoint connect_to;  ///< the front where there is one; its host is also the name in TLS
  bool tls = false;
  std::string host_header;  ///< host[:port] of the url, also behind a front
  std::string target;       ///< path and query of the url
};

/// Reads `url` (http or https) and `front` (host[:port]).
Checked<Route> parse_route(const Args& args);

/// Whether `utls` asks for the imitation of some browser's TLS, which is not done here. Without it meek_lite imitates
/// one of its choice, so only `none` means that nothing is missing.
bool wants_imitation(const Args& args);

}  // namespace ptproxy::meek
