#include "parent/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ptproxy {
namespace {

constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
constexpr std::string_view digits = "0123456789";
constexpr int longest_timeout = 7 * 24 * 3600;
constexpr int most_udp_flows = 1'000'000;
constexpr int longest_udp_queue = 16;

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto comma = list.find(',');
    parts.push_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

bool is_transport_name(std::string_view name) {
  return !name.empty() && letters.find(name.front()) != std::string_view::npos && std::ranges::all_of(name, [](char c) {
    return letters.find(c) != std::string_view::npos || digits.find(c) != std::string_view::npos;
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

/// Names a parameter as whoever reads the error set it.
std::string name_of(std::string_view flag, const Settings& flags) {
  const auto all = parameters();
  const auto found = std::ranges::find(all, flag, &Parameter::flag);
  if (flags.contains(flag) || found == all.end() || found->environment.empty()) return fmt::format("-{}", flag);
  return fmt::format("TOR_PT_{}", found->environment);
}

/// The settings of both sources, and errors that name the one at fault.
class Asked {
 public:
  Asked(const Settings& environment, const Settings& flags) : flags_(flags), merged_(flags) {
    merged_.insert(environment.begin(), environment.end());
  }
  bool has(std::string_view flag) const { return merged_.contains(flag); }
  bool has_flag(std::string_view flag) const { return flags_.contains(flag); }
  bool on(std::string_view flag) const { return find(flag) == "1"; }
  std::string_view find(std::string_view flag) const {
    const auto found = merged_.find(flag);
    return found == merged_.end() ? std::string_view() : found->second;
  }
  Refusal wrong(std::string_view flag, std::string_view why) const {
    return Refusal(fmt::format("{}: {}", name_of(flag, flags_), why));
  }
  Checked<std::optional<Endpoint>> endpoint(std::string_view flag, HostKind hosts, PortKind ports) const {
    if (!has(flag)) return std::optional<Endpoint>();
    auto parsed = parse_endpoint(find(flag), hosts, ports);
    if (!parsed) return wrong(flag, parsed.error().text());
    return std::optional(std::move(*parsed));
  }
  /// A whole number of `unit` from `least` to `most`.
  Checked<int> number(std::string_view flag, int least, int most, std::string_view unit, int otherwise) const {
    if (!has(flag)) return otherwise;
    const auto text = find(flag);
    int number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc{} || end != text.data() + text.size() || number < least || number > most)
      return wrong(flag, fmt::format("not a number of {} from {} to {}", unit, least, most));
    return number;
  }
  Checked<std::chrono::seconds> seconds(std::string_view flag, int least, std::chrono::seconds otherwise) const {
    const auto asked = number(flag, least, longest_timeout, "seconds", static_cast<int>(otherwise.count()));
    if (!asked) return asked.error();
    return std::chrono::seconds(*asked);
  }

 private:
  const Settings& flags_;
  Settings merged_;
};

Checked<Role> choose_role(const Asked& asked) {
  const bool client_named = asked.on("client"), server_named = asked.on("server");
  if (asked.on("genconfig")) {
    if (client_named) return Refusal("-genconfig is for a server");
    return Role::server;
  }
  if (client_named && server_named) return Refusal("-client and -server: only one of them");
  if (client_named) return Role::client;
  if (server_named) return Role::server;
  const bool client = asked.has("client-transports"), server = asked.has("server-transports");
  if (client && server)
    return Refusal("TOR_PT_CLIENT_TRANSPORTS and TOR_PT_SERVER_TRANSPORTS are both set: only one of them");
  if (client || server) return client ? Role::client : Role::server;
  for (const auto* hint : {"bindaddr", "orport", "extorport"})
    if (asked.has(hint)) return Role::server;
  return Role::client;
}

Checked<std::vector<std::string>> choose_transports(const Asked& asked, Role role) {
  const auto variable = role == Role::client ? "client-transports" : "server-transports";
  const auto list = asked.has("transports") ? asked.find("transports") : asked.find(variable);
  if (list.empty())
    return Refusal("no transports: set -transports, TOR_PT_CLIENT_TRANSPORTS or TOR_PT_SERVER_TRANSPORTS");
  std::vector<std::string> names;
  for (auto name : split(list))
    if (is_transport_name(name) && std::ranges::find(names, name) == names.end()) names.emplace_back(name);
  return names;
}

Checked<Mode> choose_mode(const Asked& asked) {
  const bool transparent = asked.on("transparent"), udp = asked.on("udp");
  if (asked.has("mode") && (transparent || udp)) return Refusal("-mode: not together with -transparent or -udp");
  if (transparent) return udp ? Mode::transparent_udp : Mode::transparent_tcp;
  if (udp) return Mode::stun;
  if (!asked.has("mode")) return Mode::socks5;
  const auto name = lower(asked.find("mode"));
  for (auto mode : {Mode::socks5, Mode::socks4, Mode::transparent_tcp, Mode::transparent_udp, Mode::stun})
    if (name == lower(name_of(mode))) return mode;
  return asked.wrong("mode", "not one of socks5, socks4, transparent-TCP, transparent-UDP, STUN");
}

Checked<std::map<std::string, Endpoint, std::less<>>> parse_bindaddrs(const Asked& asked) {
  std::map<std::string, Endpoint, std::less<>> bindaddrs;
  if (!asked.has("bindaddr")) return bindaddrs;
  for (auto element : split(asked.find("bindaddr"))) {
    const auto dash = element.find('-');
    const auto name = element.substr(0, dash);
    if (dash == std::string_view::npos || !is_transport_name(name))
      return asked.wrong("bindaddr", "an element is not of the form name-address:port");
    auto endpoint = parse_endpoint(element.substr(dash + 1), HostKind::literal, PortKind::any);
    if (!endpoint) return asked.wrong("bindaddr", fmt::format("{}: {}", name, endpoint.error().text()));
    if (!bindaddrs.emplace(name, std::move(*endpoint)).second)
      return asked.wrong("bindaddr", fmt::format("{} is there twice", name));
  }
  return bindaddrs;
}

Checked<TransportOptions> parse_options(const Asked& asked, Role role, const std::optional<std::string>& file) {
  if (asked.has_flag("options") && asked.has("optionsFile"))
    return Refusal("-options and -optionsFile: only one of them");
  const auto flag = asked.has("optionsFile") ? "optionsFile" : "options";
  std::string_view text = file ? std::string_view(*file) : asked.find("options");
  while (file && (text.ends_with('\n') || text.ends_with('\r'))) text.remove_suffix(1);
  // A client inherits TOR_PT_SERVER_TRANSPORT_OPTIONS at most by accident.
  if (role == Role::client && !file && !asked.has_flag("options")) return TransportOptions();
  auto options = role == Role::server ? parse_server_options(text) : parse_client_options(text);
  if (!options) return asked.wrong(flag, options.error().text());
  return options;
}

/// An IP literal of the family that the setting is for; IPv6 in brackets, as tor writes it, or without.
Checked<std::optional<std::string>> parse_outbound(const Asked& asked, std::string_view flag) {
  if (!asked.has(flag)) return std::optional<std::string>();
  auto text = asked.find(flag);
  const bool v6 = flag == "outbound-v6";
  if (v6 && text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const Endpoint endpoint(std::string(text), 0);
  if (v6 ? !endpoint.is_ipv6() : !endpoint.is_ipv4())
    return asked.wrong(flag, v6 ? "not an IPv6 address" : "not an IPv4 address");
  return std::optional(std::string(text));
}

Checked<> check_server(const Asked& asked, Config& config) {
  for (const auto* flag : {"proxylistenaddr"})
    if (asked.has_flag(flag)) return Refusal(fmt::format("-{} is for a client", flag));
  auto bindaddrs = parse_bindaddrs(asked);
  if (!bindaddrs) return bindaddrs.error();
  config.bindaddrs = std::move(*bindaddrs);

  if (asked.has("orport") && asked.has_flag("target"))
    return Refusal("-orport and -target name the same thing: only one of them");
  auto orport = asked.endpoint(asked.has("target") ? "target" : "orport", HostKind::literal_or_name, PortKind::nonzero);
  if (!orport) return orport.error();
  config.orport = std::move(*orport);
  auto ext_orport = asked.endpoint("extorport", HostKind::literal, PortKind::nonzero);
  if (!ext_orport) return ext_orport.error();
  config.ext_orport = std::move(*ext_orport);
  if (config.is_udp() && config.ext_orport)
    return asked.wrong("extorport",
                       "the Extended ORPort is for streams; a UDP mode needs -orport (TOR_PT_ORPORT) alone");
  if (!config.orport && !config.ext_orport && !config.generate)
    return Refusal("no Server App: set -orport (TOR_PT_ORPORT) or -extorport (TOR_PT_EXTENDED_SERVER_PORT)");

  config.auth_cookie_file = asked.find("authcookie");
  if (config.ext_orport && config.auth_cookie_file.empty())
    return Refusal("no -authcookie (TOR_PT_AUTH_COOKIE_FILE) although -extorport (TOR_PT_EXTENDED_SERVER_PORT) is set");
  if (!config.auth_cookie_file.empty() && !config.auth_cookie_file.is_absolute())
    return asked.wrong("authcookie", "not an absolute path");
  return {};
}

Checked<> check_client(const Asked& asked, Config& config) {
  for (const auto* flag : {"bindaddr", "orport", "extorport", "authcookie"})
    if (asked.has_flag(flag)) return Refusal(fmt::format("-{} is for a server", flag));
  auto listen = asked.endpoint("proxylistenaddr", HostKind::literal, PortKind::any);
  if (!listen) return listen.error();
  config.listen = listen->value_or(config.listen);

  const bool has_socks = config.mode == Mode::socks5 || config.mode == Mode::socks4;
  if (has_socks && asked.has("target"))
    return asked.wrong("target", "in a SOCKS mode each connection names its own target");
  auto target = asked.endpoint("target", HostKind::literal_or_name, PortKind::nonzero);
  if (!target) return target.error();
  config.target = std::move(*target);
  auto v4 = parse_outbound(asked, "outbound-v4"), v6 = parse_outbound(asked, "outbound-v6");
  if (!v4) return v4.error();
  if (!v6) return v6.error();
  config.outbound_v4 = std::move(*v4);
  config.outbound_v6 = std::move(*v6);
  return {};
}

}  // namespace

std::string_view name_of(Mode mode) {
  switch (mode) {
    case Mode::socks5:
      return "socks5";
    case Mode::socks4:
      return "socks4";
    case Mode::transparent_tcp:
      return "transparent-TCP";
    case Mode::transparent_udp:
      return "transparent-UDP";
    case Mode::stun:
      return "STUN";
  }
  return "";
}

Args Config::options_of(std::string_view transport) const {
  const auto named = options.find(transport), general = options.find("");
  const Args none;
  return (named == options.end() ? none : named->second).over(general == options.end() ? none : general->second);
}

Checked<std::optional<Version>> choose_version(const Settings& settings, bool settings_from_parent) {
  const auto list = settings.find("version");
  if (list == settings.end()) {
    if (settings_from_parent) return Refusal("TOR_PT_MANAGED_TRANSPORT_VER is not set");
    return std::optional(Version{});
  }
  std::optional<Version> one;
  for (auto token : split(list->second)) {
    if (token == "2" || token == "2.0" || token == "2.1") return std::optional(Version{2, std::string(token)});
    if (!one && (token == "1" || token == "1.0")) one = Version{1, std::string(token)};
  }
  return one;
}

Checked<Config> make_config(const Settings& environment, const Settings& flags, const Version& version,
                            const std::optional<std::string>& options_file) {
  const Asked asked(environment, flags);
  Config config;
  config.version = version;
  auto role = choose_role(asked);
  if (!role) return role.error();
  config.role = *role;
  config.generate = asked.on("genconfig");
  auto transports = choose_transports(asked, config.role);
  if (!transports) return transports.error();
  config.transports = std::move(*transports);
  auto mode = choose_mode(asked);
  if (!mode) return mode.error();
  config.mode = *mode;

  if (asked.has("state")) config.state_directory = asked.find("state");
  if (asked.has("state") && !config.state_directory.is_absolute()) return asked.wrong("state", "not an absolute path");
  config.exit_on_stdin_close = asked.on("exit-on-stdin-close");
  auto drain = asked.seconds("drain-timeout", 0, config.drain_timeout);
  if (!drain) return drain.error();
  config.drain_timeout = *drain;
  config.unsafe_logging = asked.on("unsafe-logging");
  if (asked.has("log-level")) {
    const auto level = log::parse_level(asked.find("log-level"));
    if (!level) return asked.wrong("log-level", "not one of error, warning, notice, info, debug");
    config.log_level = *level;
  }

  // tor would log each message, and never writes to stdin.
  config.signal_files = version.major == 1;
  if (asked.has("signals")) {
    const auto form = asked.find("signals");
    if (form != "files" && form != "lines") return asked.wrong("signals", "not one of lines, files");
    if (form == "lines" && version.major == 1)
      return asked.wrong("signals", "version 1 of the specification has no such lines");
    config.signal_files = form == "files";
  }
  if (asked.has("proxy")) config.proxy_uri = asked.find("proxy");

  auto options = parse_options(asked, config.role, options_file);
  if (!options) return options.error();
  config.options = std::move(*options);
  if (asked.on("obfs4-distBias")) config.options["obfs4"].add("dist-bias", "1");

  auto udp_timeout = asked.seconds("udp-timeout", 1, config.udp_timeout);
  if (!udp_timeout) return udp_timeout.error();
  config.udp_timeout = *udp_timeout;
  const auto flows = asked.number("udp-flows", 1, most_udp_flows, "flows", static_cast<int>(config.udp_flows));
  if (!flows) return flows.error();
  config.udp_flows = static_cast<std::size_t>(*flows);
  const auto queue = asked.number("udp-queue", 0, longest_udp_queue, "datagrams", 0);
  if (!queue) return queue.error();
  config.udp_queue = static_cast<std::size_t>(*queue);

  auto rest = config.role == Role::server ? check_server(asked, config) : check_client(asked, config);
  if (!rest) return rest.error();
  return config;
}

}  // namespace ptproxy
