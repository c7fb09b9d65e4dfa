#pragma once
/// \file
/// The proxy that a client has to go through (TOR_PT_PROXY, pt-2.0-draft-1 section 3.3.1.2; tor's proposal 232).

#include <ptproxy/endpoint.h>

#include <optional>

namespace ptproxy {

/// Where the proxy is, what it speaks and who we are to it. The address is always an IP literal, so that reaching it
/// asks no name server.
class UpstreamProxy {
 public:
  enum class Kind { http, socks4a, socks5 };

  UpstreamProxy(Kind kind, Endpoint address, std::optional<std::string> user = {},
                std::optional<std::string> password = {})
      : kind_(kind), address_(std::move(address)), user_(std::move(user)), password_(std::move(password)) {}
  Kind kind() const { return kind_; }
  const Endpoint& address() const { return address_; }
  /// SOCKS5 has both or none, each of 1 to 255 bytes; SOCKS4a never has a password; HTTP may have a user alone.
  const std::optional<std::string>& user() const { return user_; }
  const std::optional<std::string>& password() const { return password_; }
  bool operator==(const UpstreamProxy&) const = default;

 private:
  Kind kind_;
  Endpoint address_;
  std::optional<std::string> user_, password_;
};

/// Reads `type://[user[:password]@]ip:port`, type one of http, socks4a and socks5 in either case. Tor pastes the
/// credentials without encoding them, so the address begins behind the last `@`, the user ends at the first `:`, and
/// they are percent-decoded only if every `%` in them begins an escape. The refusal repeats nothing of the text.
Checked<UpstreamProxy> parse_upstream_proxy(std::string_view uri);

}  // namespace ptproxy
