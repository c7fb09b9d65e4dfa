#pragma once
/// \file
/// What we were asked to be, as one value that was checked before anything starts.

#include <ptproxy/args.h>
#include <ptproxy/endpoint.h>
#include <ptproxy/log.h>
#include <ptproxy/result.h>

#include "parent/parameters.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ptproxy {

/// The version of the pluggable transport specification that parent and child use.
class Version {
 public:
  int major = 2;            ///< 1 or 2: which rules are in force
  std::string token = "2";  ///< as the parent wrote it; echoed
};

enum class Role { client, server };
enum class Mode { socks5, socks4, transparent_tcp, transparent_udp, stun };
/// As -mode takes it, in whatever case, and CMETHOD tells it.
std::string_view name_of(Mode mode);

class Config {
 public:
  Version version;
  Role role = Role::client;
  Mode mode = Mode::socks5;
  std::vector<std::string> transports;  ///< well-formed names, each once, in the parent's order
  std::filesystem::path state_directory;
  bool exit_on_stdin_close = false;
  TransportOptions options;
  std::chrono::seconds drain_timeout{2};
  bool unsafe_logging = false;
  bool signal_files = false;  ///< messages of transports go through files, not through stdout and stdin
  bool generate = false;      ///< -genconfig: print the server's configuration and end
  log::Level log_level = log::Level::notice;
  std::size_t udp_queue = 0;              ///< datagrams that wait while their flow connects
  std::optional<std::string> proxy_uri;   ///< an upstream proxy was asked for; checked apart, for PROXY-ERROR
  std::chrono::seconds udp_timeout{300};  ///< idle time after which a UDP flow goes (RFC 4787, REQ-5)
  std::size_t udp_flows = 4096;           ///< the most at a time

  // Client
  Endpoint listen{"127.0.0.1", 0};
  std::optional<Endpoint> target;  ///< the PT server, in the modes where no SOCKS request names it
  /// Source addresses of outgoing connections, IP literals without brackets.
  std::optional<std::string> outbound_v4, outbound_v6;

  // Server
  std::map<std::string, Endpoint, std::less<>> bindaddrs;  ///< by transport
  std::optional<Endpoint> orport;
  std::optional<Endpoint> ext_orport;
  std::filesystem::path auth_cookie_file;

  bool is_udp() const { return mode == Mode::transparent_udp || mode == Mode::stun; }
  /// The options of a transport: those under its name before those for every transport.
  Args options_of(std::string_view transport) const;
};

/// The version to use; no value when the list is there but offers none that we know. Without a list version 2 is
/// assumed for a person, and `settings_from_parent` makes it a Refusal.
Checked<std::optional<Version>> choose_version(const Settings& settings, bool settings_from_parent);

/// `flags` win over `environment`. `options_file` is the text that -optionsFile names. A refusal's text is for
/// ENV-ERROR.
Checked<Config> make_config(const Settings& environment, const Settings& flags, const Version& version,
                            const std::optional<std::string>& options_file);

}  // namespace ptproxy
