#include <ptproxy/upstream_proxy.h>

#include <ptproxy/bytes.h>

#include <algorithm>

namespace ptproxy {
namespace {

using Kind = UpstreamProxy::Kind;

constexpr std::size_t longest_socks_field = 255;

std::optional<Kind> kind_of(std::string_view scheme) {
  std::string lower(scheme);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (lower == "http") return Kind::http;
  if (lower == "socks4a") return Kind::socks4a;
  if (lower == "socks5") return Kind::socks5;
  return std::nullopt;
}

/// nullopt when some `%` begins no escape.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() != '%') {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    const auto byte = from_hex(text.substr(1, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    out += as_text(*byte);
    text.remove_prefix(3);
  }
  return out;
}

struct Credentials {
  std::optional<std::string> user, password;
};

Credentials split(std::string_view text) {
  const auto colon = text.find(':');
  Credentials raw;
  raw.user = text.substr(0, colon);
  if (colon != std::string_view::npos) raw.password = text.substr(colon + 1);
  if (!percent_decoded(text)) return raw;
  raw.user = percent_decoded(*raw.user);
  if (raw.password) raw.password = percent_decoded(*raw.password);
  return raw;
}

bool contains(const std::string& text, std::string_view unwanted) {
  return text.find_first_of(unwanted) != std::string::npos;
}

/// What each protocol has room for.
Checked<> check(Kind kind, const Credentials& credentials) {
  using namespace std::string_view_literals;
  const auto& user = *credentials.user;
  const auto password = credentials.password.value_or("");
  if (contains(user, "\0"sv) || contains(password, "\0"sv)) return Refusal("the proxy's credentials contain a NUL");
  switch (kind) {
    case Kind::http:
      if (contains(user, ":")) return Refusal("a user of an HTTP proxy must not contain a colon");
      if (contains(user, "\r\n") || contains(password, "\r\n"))
        return Refusal("credentials of an HTTP proxy must not contain a line break");
      return {};
    case Kind::socks4a:
      if (credentials.password) return Refusal("SOCKS4a knows no password");
      if (user.size() > longest_socks_field) return Refusal("a user of a SOCKS4a proxy has at most 255 bytes");
      return {};
    case Kind::socks5:
      if (user.empty() || password.empty()) return Refusal("SOCKS5 needs both a user and a password, or neither");
      if (user.size() > longest_socks_field || password.size() > longest_socks_field)
        return Refusal("user and password of a SOCKS5 proxy have at most 255 bytes each");
      return {};
  }
  return {};
}

Checked<Endpoint> parse_address(std::string_view text) {
  if (contains(std::string(text), "/?#")) return Refusal("nothing may follow the proxy's port");
  if (!text.starts_with('[') && std::ranges::count(text, ':') > 1)
    return Refusal("an IPv6 address of a proxy needs brackets");
  return parse_endpoint(text, HostKind::literal, PortKind::nonzero);
}

}  // namespace

Checked<UpstreamProxy> parse_upstream_proxy(std::string_view uri) {
  const auto scheme_end = uri.find("://");
  if (scheme_end == std::string_view::npos) return Refusal("a proxy is written type://ip:port");
  const auto kind = kind_of(uri.substr(0, scheme_end));
  if (!kind) return Refusal("a proxy's type is http, socks4a or socks5");
  auto authority = uri.substr(scheme_end + 3);

  Credentials credentials;
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    credentials = split(authority.substr(0, at));
    authority.remove_prefix(at + 1);
    if (auto fit = check(*kind, credentials); !fit) return fit.error();
  }
  auto address = parse_address(authority);
  if (!address) return address.error();
  return UpstreamProxy(*kind, std::move(*address), std::move(credentials.user), std::move(credentials.password));
}

}  // namespace ptproxy
