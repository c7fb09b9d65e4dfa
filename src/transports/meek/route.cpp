#include "transports/meek/route.h"

#include <fmt/format.h>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <charconv>

namespace ptproxy::meek {
namespace {

constexpr std::size_t longest_host = 253;

/// Nothing that could end a header line, and nothing that name servers or TLS would stumble over.
bool is_plain_host(std::string_view host) {
  return !host.empty() && host.size() <= longest_host &&
         std::ranges::all_of(host, [](char c) { return c > 0x20 && c < 0x7f && c != '%' && c != '/'; });
}

/// 0 for what is no port.
std::uint16_t parse_port(std::string_view digits) {
  std::uint16_t port = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return ec == std::errc{} && end == digits.data() + digits.size() ? port : 0;
}

Checked<Endpoint> parse_front(std::string_view front, std::uint16_t default_port) {
  const bool has_port = front.find(':') != std::string_view::npos && front.back() != ']';
  const auto text = has_port ? std::string(front) : fmt::format("{}:{}", front, default_port);
  return parse_endpoint(text, HostKind::literal_or_name, PortKind::nonzero);
}

}  // namespace

Checked<Route> parse_route(const Args& args) {
  const auto text = args.find("url");
  if (!text) return Refusal("missing argument 'url'");
  const auto url = boost::urls::parse_uri(boost::core::string_view(text->data(), text->size()));
  if (!url) return Refusal("the argument 'url' is no URL");
  if (url->scheme_id() != boost::urls::scheme::http && url->scheme_id() != boost::urls::scheme::https)
    return Refusal("the argument 'url' is neither http nor https");
  if (url->has_userinfo()) return Refusal("the argument 'url' must not hold credentials");

  Route route;
  route.tls = url->scheme_id() == boost::urls::scheme::https;
  const std::uint16_t default_port = route.tls ? 443 : 80;
  const std::string host(url->host_address());
  if (!is_plain_host(host)) return Refusal("the argument 'url' has no usable host");
  const std::string port(url->port());
  const auto number = port.empty() ? default_port : parse_port(port);
  if (number == 0) return Refusal("the argument 'url' has no usable port");
  route.connect_to = Endpoint(host, number);
  route.host_header = std::string(port.empty() ? url->encoded_host() : url->encoded_host_and_port());
  const std::string target(url->encoded_target());
  route.target = target.starts_with('/') ? target : fmt::format("/{}", target);

  if (const auto front = args.find("front"); front && !front->empty()) {
    auto endpoint = parse_front(*front, default_port);
    if (!endpoint || !is_plain_host(endpoint->host())) return Refusal("the argument 'front' is no host");
    route.connect_to = *endpoint;
  }
  return route;
}

bool wants_imitation(const Args& args) {
  const auto utls = args.find("utls");
  return utls && *utls != "none";
}

}  // namespace ptproxy::meek
