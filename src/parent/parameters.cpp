#include "parent/parameters.h"

#include <algorithm>
#include <array>

namespace ptproxy {
namespace {

constexpr std::string_view prefix = "TOR_PT_";

using enum Parameter::Kind;
constexpr auto all = std::to_array<Parameter>({
    {"version", "MANAGED_TRANSPORT_VER", text, "versions the parent speaks, e.g. 2,1; alone: print ours and exit"},
    {"state", "STATE_LOCATION", text, "directory for keys and state; default: the working directory"},
    {"exit-on-stdin-close", "EXIT_ON_STDIN_CLOSE", boolean, "end when stdin closes"},
    {"client", "", boolean, "be a client"},
    {"server", "", boolean, "be a server"},
    {"transports", "", text, "names of the transports to run, e.g. obfs4,dummy"},
    {"proxy", "PROXY", text, "client: upstream proxy, http|socks4a|socks5://[user:pass@]ip:port"},
    {"bindaddr", "SERVER_BINDADDR", text, "server: where to listen, name-addr:port,..."},
    {"options", "SERVER_TRANSPORT_OPTIONS", text, "options: name:k=v;... (client: also k=v;... or JSON)"},
    {"optionsFile", "", text, "the same, from a file"},
    {"orport", "ORPORT", text, "server: the Server App, addr:port"},
    {"extorport", "EXTENDED_SERVER_PORT", text, "server: tor's Extended ORPort, addr:port"},
    {"authcookie", "AUTH_COOKIE_FILE", text, "server: the Extended ORPort's cookie file"},
    {"target", "", text, "client without SOCKS: the PT server; server: the same as -orport"},
    {"mode", "", text, "socks5 (default), socks4, transparent-TCP, transparent-UDP, STUN"},
    {"transparent", "", boolean, "short for -mode transparent-TCP; with -udp: transparent-UDP"},
    {"udp", "", boolean, "short for -mode STUN"},
    {"proxylistenaddr", "", text, "client: where to listen; default 127.0.0.1:0"},
    {"udp-timeout", "", text, "seconds until an idle UDP flow goes; default 300"},
    {"udp-queue", "", text, "client: datagrams that wait while their flow connects, up to 16; default 0: dropped"},
    {"udp-flows", "", text, "UDP flows at a time, the rest is dropped; default 4096"},
    {"drain-timeout", "", text, "seconds for live connections at the end; default 2"},
    {"unsafe-logging", "", boolean, "show addresses in the log"},
    {"log-level", "", text, "error, warning, notice (default), info or debug"},
    {"signals", "", text, "messages of transports: lines (default under version 2) on stdout and stdin, or files"},
    {"genconfig", "", boolean, "make keys, print what server and clients are to be told, and exit"},
    {"obfs4-distBias", "", boolean, "obfs4: length tables of the ScrambleSuit style"},
    {"outbound-v4", "OUTBOUND_BIND_ADDRESS_V4", text, "client: source address of outgoing IPv4 connections"},
    {"outbound-v6", "OUTBOUND_BIND_ADDRESS_V6", text, "client: source address of outgoing IPv6 connections"},
});

}  // namespace

std::span<const Parameter> parameters() {
  return all;
}

Settings read_environment(const Environment& environment) {
  Settings settings;
  auto take = [&](std::string_view variable, std::string_view flag) {
    const auto found = environment.find(std::string(prefix) + std::string(variable));
    if (found != environment.end() && !found->second.empty()) settings.emplace(flag, found->second);
  };
  for (const auto& parameter : parameters())
    if (!parameter.environment.empty()) take(parameter.environment, parameter.flag);
  take("CLIENT_TRANSPORTS", "client-transports");
  take("SERVER_TRANSPORTS", "server-transports");
  return settings;
}

bool started_by_parent(const Environment& environment) {
  return std::ranges::any_of(
      environment, [](const auto& variable) { return variable.first.starts_with(prefix) && !variable.second.empty(); });
}

}  // namespace ptproxy
