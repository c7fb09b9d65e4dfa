#pragma once
/// \file
/// A client's arguments: which SSH server, who we are there, and where to go from it.

#include <ptproxy/args.h>
#include <ptproxy/endpoint.h>

#include <compare>
#include <string>

namespace ptproxy::ssh {

/// An SSH server, how to know it, and the account there. Connections with the same login share one ssh.
class Login {
 public:
  Endpoint server;
  std::string user;
  std::string fingerprint;          ///< of the host key
  std::string host_key_algorithms;  ///< for ssh's HostKeyAlgorithms; empty: any
  auto operator<=>(const Login&) const = default;
};

class Route {
 public:
  Login login;
  /// The Server App, by the name that the server is to reach it by.
  Endpoint app;
};

/// Reads `user`, `hostkey` or `fingerprint`, and `host`, `port`, `remote`. Where `host` names the server, `destination`
/// is the Server App; else it is the server. `remote` names the Server App in either case.
Checked<Route> parse_route(const Endpoint& destination, const Args& args);

/// What a user's name may be: nothing that ssh could take for an option.
bool is_user_name(std::string_view text);

}  // namespace ptproxy::ssh
