#pragma once
/// \file
/// Every parameter that a parent or a person can set: its flag, its environment variable, its meaning.

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace ptproxy {

class Parameter {
 public:
  enum class Kind { text, boolean };
  std::string_view flag;         ///< without the dash; also the key in Settings
  std::string_view environment;  ///< the part behind TOR_PT_; empty: flag only
  Kind kind;
  std::string_view help;
};

/// All of them, in the order of the usage text.
std::span<const Parameter> parameters();

/// What was set, by flag name. An empty value is never stored: it counts as unset.
using Settings = std::map<std::string, std::string, std::less<>>;

/// Environment variables by name; the values are as the process got them.
using Environment = std::map<std::string, std::string, std::less<>>;

/// The TOR_PT_ variables among `environment`, as settings. TOR_PT_CLIENT_TRANSPORTS and TOR_PT_SERVER_TRANSPORTS share
/// a flag and stand under `client-transports` and `server-transports`.
Settings read_environment(const Environment& environment);

/// Whether any TOR_PT_ variable is set, that is, whether a parent program started us.
bool started_by_parent(const Environment& environment);

}  // namespace ptproxy
