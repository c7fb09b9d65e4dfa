#include <ptproxy/endpoint.h>

#include <fmt/format.h>

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace ptproxy {
namespace {

constexpr std::size_t longest_name = 255;

bool parses_as(int family, const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(family, host.c_str(), address) == 1 && host.find('\0') == std::string::npos;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= longest_name && std::ranges::all_of(text, [](unsigned char c) {
    return c > ' ' && c < 0x7f && c != ':' && c != '/' && c != '@' && c != '[' && c != ']' && c != '%';
  });
}

}  // namespace

bool Endpoint::is_ipv4() const {
  return parses_as(AF_INET, host_);
}

bool Endpoint::is_ipv6() const {
  return parses_as(AF_INET6, host_);
}

bool Endpoint::is_loopback() const {
  if (is_ipv4()) return host_.starts_with("127.");
  in6_addr v6{};
  if (!is_ipv6() || inet_pton(AF_INET6, host_.c_str(), &v6) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

std::string Endpoint::to_string() const {
  return host_.find(':') == std::string::npos ? fmt::format("{}:{}", host_, port_)
                                              : fmt::format("[{}]:{}", host_, port_);
}

Checked<Endpoint> parse_endpoint(std::string_view text, HostKind hosts, PortKind ports) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return Refusal("an address needs a port, as in 127.0.0.1:443");
  auto host = text.substr(0, colon);
  const auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (ec != std::errc{} || end != digits.data() + digits.size()) return Refusal("the port is not a number up to 65535");
  if (ports == PortKind::nonzero && port == 0) return Refusal("the port must not be 0");

  const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
  if (bracketed) host = host.substr(1, host.size() - 2);
  Endpoint endpoint{std::string(host), port};
  if (bracketed ? endpoint.is_ipv6() : endpoint.is_literal()) return endpoint;
  const bool looks_like_a_number = host.find_first_not_of("0123456789.") == std::string_view::npos;
  if (hosts == HostKind::literal_or_name && !bracketed && !looks_like_a_number && is_name(host)) return endpoint;
  return Refusal(hosts == HostKind::literal ? "the host is not an IP address"
                                            : "the host is neither an IP address nor a name");
}

}  // namespace ptproxy
