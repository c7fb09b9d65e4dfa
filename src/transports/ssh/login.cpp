#include "transports/ssh/login.h"

#include "transports/ssh/public_key.h"

#include <algorithm>
#include <charconv>

namespace ptproxy::ssh {
namespace {

constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
constexpr std::string_view more = "0123456789.-";
constexpr std::size_t longest_user = 32;
constexpr std::uint16_t default_port = 22;

Checked<std::uint16_t> parse_port(const Args& args) {
  const auto text = args.find("port");
  if (!text) return default_port;
  std::uint16_t port = 0;
  const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), port);
  if (ec != std::errc{} || end != text->data() + text->size() || port == 0) return Refusal("port is not a port");
  return port;
}

/// The names of the signatures that a server with such a key makes.
std::string algorithms_of(const PublicKey& key) {
  return key.type() == "ssh-rsa" ? "rsa-sha2-512,rsa-sha2-256" : key.type();
}

Checked<> read_host_key(const Args& args, Login& login) {
  const auto fingerprint = args.find("fingerprint"), text = args.find("hostkey");
  if (fingerprint && !is_fingerprint(*fingerprint)) return Refusal("fingerprint is not of the form SHA256:...");
  if (text) {
    auto key = parse_public_key(*text);
    if (!key) return Refusal("hostkey: " + key.error().text());
    if (fingerprint && key->fingerprint() != *fingerprint) return Refusal("hostkey and fingerprint are not of one key");
    login.fingerprint = key->fingerprint();
    login.host_key_algorithms = algorithms_of(*key);
    return {};
  }
  if (!fingerprint) return Refusal("missing argument 'fingerprint' or 'hostkey'");
  login.fingerprint = *fingerprint;
  return {};
}

}  // namespace

bool is_user_name(std::string_view text) {
  return !text.empty() && text.size() <= longest_user && letters.find(text.front()) != std::string_view::npos &&
         std::ranges::all_of(text, [](char c) {
           return letters.find(c) != std::string_view::npos || more.find(c) != std::string_view::npos;
         });
}

Checked<Route> parse_route(const Endpoint& destination, const Args& args) {
  Route route;
  route.login.server = destination;
  route.app = destination;
  const auto host = args.find("host"), user = args.find("user"), remote = args.find("remote");
  if (!user) return Refusal("missing argument 'user'");
  if (!is_user_name(*user)) return Refusal("user is not a user's name");
  route.login.user = *user;
  if (host) {
    auto port = parse_port(args);
    if (!port) return port.error();
    const Endpoint unchecked(std::string(*host), *port);
    auto server = parse_endpoint(unchecked.to_string(), HostKind::literal_or_name, PortKind::nonzero);
    if (!server) return Refusal("host is not a host");
    route.login.server = std::move(*server);
  }
  if (remote) {
    auto app = parse_endpoint(*remote, HostKind::literal_or_name, PortKind::nonzero);
    if (!app) return Refusal("remote is not an address and a port");
    route.app = std::move(*app);
  } else if (!host) {
    return Refusal("missing argument 'remote', or 'host'");
  }
  auto known = read_host_key(args, route.login);
  if (!known) return known.error();
  return route;
}

}  // namespace ptproxy::ssh
