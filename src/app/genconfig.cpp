#include "app/genconfig.h"

#include "transports/registry.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace ptproxy {
namespace {

/// One word to a shell, whatever is in it.
std::string quoted(const std::string& word) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("%+,-./:=@_").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::ranges::all_of(word, plain)) return word;
  std::string out = "'";
  for (char c : word) c == '\'' ? out += R"('\'')" : out += c;
  return out + "'";
}

/// `name:k=v;name:k=v`
std::string server_options(std::string_view name, const Args& options) {
  std::string text;
  for (const auto& [key, value] : options.pairs())
    text += fmt::format("{}{}:{}", text.empty() ? "" : ";", name, to_args_text(Args().add(key, value)));
  return text;
}

/// Where clients reach the server, as far as the listening address tells.
class PublicAddress {
 public:
  explicit PublicAddress(const std::optional<Endpoint>& bindaddr) {
    if (bindaddr && bindaddr->host() != "0.0.0.0" && bindaddr->host() != "::") host = bindaddr->host();
    if (bindaddr && bindaddr->port() != 0) port = std::to_string(bindaddr->port());
  }
  std::string to_string() const {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
  }
  std::string host = "<IP ADDRESS>", port = "<PORT>";
};

Checked<Configuration> generate(const TransportEntry& transport, Services& services, const Args& options,
                                std::string_view address) {
  if (transport.generate) return transport.generate(services, options, address);
  auto server = transport.make_server(services, options);
  if (!server) return server.error();
  Configuration made;
  made.server = options;
  made.client = (*server)->client_args();
  return made;
}

std::string describe(std::string_view name, const Configuration& made, const Config& config,
                     const std::optional<Endpoint>& bindaddr, const PublicAddress& address) {
  std::string server = fmt::format("ptproxy -server -transports {}", name);
  if (!config.state_directory.empty()) server += " -state " + quoted(config.state_directory.native());
  if (bindaddr) server += fmt::format(" -bindaddr {}", quoted(fmt::format("{}-{}", name, bindaddr->to_string())));
  if (config.orport) server += " -orport " + quoted(config.orport->to_string());
  if (config.is_udp()) server += fmt::format(" -mode {}", name_of(config.mode));
  if (!made.server.empty()) server += " -options " + quoted(server_options(name, made.server));

  std::string client =
      fmt::format("ptproxy -client -transports {} -mode {} -target {}", name,
                  name_of(config.is_udp() ? config.mode : Mode::transparent_tcp), quoted(address.to_string()));
  if (!made.client.empty()) client += " -options " + quoted(to_args_text(made.client));

  std::string bridge = fmt::format("Bridge {} {}", name, address.to_string());
  boost::json::object arguments;
  for (const auto& [key, value] : made.client.pairs()) {
    bridge += fmt::format(" {}={}", key, value);
    arguments[key] = value;
  }
  boost::json::object json;
  json["transport"] = name;
  json["host"] = address.host;
  json["port"] = address.port;
  json["arguments"] = std::move(arguments);
  return fmt::format("server: {}\nbridge: {}\nclient: {}\njson: {}\n", server, bridge, client,
                     boost::json::serialize(json));
}

}  // namespace

Checked<std::string> generate_configuration(const Config& config, Services& services) {
  std::string text;
  for (const auto& name : config.transports) {
    const auto* transport = find_transport(name);
    if (!transport) return Refusal(fmt::format("{} is not among this program's transports", name));
    Services lent = services;
    lent.local = services.storage.folder(name);
    const auto row = config.bindaddrs.find(name);
    const auto bindaddr = row == config.bindaddrs.end() ? std::nullopt : std::optional(row->second);
    const PublicAddress address(bindaddr);
    auto made = generate(*transport, lent, config.options_of(name), address.to_string());
    if (!made) return Refusal(fmt::format("{}: {}", name, made.error().text()));
    text += describe(name, *made, config, bindaddr, address);
  }
  return Checked<std::string>(boost::system::in_place_value, std::move(text));
}

}  // namespace ptproxy
