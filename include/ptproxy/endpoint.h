#pragma once
/// \file
/// host:port as a value.

#include <ptproxy/result.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace ptproxy {

/// Where something listens or is to be reached: an IPv4 or IPv6 literal (without brackets) or a host name, and a port.
class Endpoint {
 public:
  Endpoint() = default;
  Endpoint(std::string host, std::uint16_t port) : host_(std::move(host)), port_(port) {}
  const std::string& host() const { return host_; }
  std::uint16_t port() const { return port_; }
  bool is_ipv4() const;
  bool is_ipv6() const;
  /// An IP literal, so that reaching it needs no name resolution.
  bool is_literal() const { return is_ipv4() || is_ipv6(); }
  /// 127.0.0.0/8, also as ::ffff:127.0.0.0/104, or ::1. A host name never counts.
  bool is_loopback() const;
  /// `1.2.3.4:5`, `[::1]:5` or `name:5`.
  std::string to_string() const;
  bool operator==(const Endpoint&) const = default;
  auto operator<=>(const Endpoint&) const = default;

 private:
  std::string host_;
  std::uint16_t port_ = 0;
};

/// What an address field may hold (protocols differ).
enum class HostKind { literal, literal_or_name };
enum class PortKind { any, nonzero };

/// Reads `d.d.d.d:p`, `[v6]:p`, the old unbracketed `v6:p`, and where allowed `name:p`. Zone ids are refused.
Checked<Endpoint> parse_endpoint(std::string_view text, HostKind hosts, PortKind ports);

}  // namespace ptproxy
