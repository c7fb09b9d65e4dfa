#pragma once
/// \file
/// The log, and what keeps addresses out of it.

#include <ptproxy/endpoint.h>

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace ptproxy::log {

/// Tor's severities (pt-spec, LOG).
enum class Level { error, warning, notice, info, debug };

/// `error` ... `debug`, the words that tor knows; either case.
std::string_view to_string(Level level);
std::optional<Level> parse_level(std::string_view text);

using Sink = std::function<void(Level, std::string_view)>;
/// Where lines go; until the first call, to stderr.
void set_sink(Sink sink);
/// Lines less urgent than this are not made. Default: notice.
void set_level(Level level);
/// Shows addresses (-unsafe-logging). Default: no.
void set_unsafe(bool unsafe);

bool enabled(Level level);
void write(Level level, std::string_view text);

/// The endpoint as text, or `[scrubbed]`.
std::string scrubbed(const Endpoint& endpoint);

template <class... A>
void error(fmt::format_string<A...> text, A&&... args) {
  write(Level::error, fmt::format(text, std::forward<A>(args)...));
}
template <class... A>
void warning(fmt::format_string<A...> text, A&&... args) {
  if (enabled(Level::warning)) write(Level::warning, fmt::format(text, std::forward<A>(args)...));
}
template <class... A>
void notice(fmt::format_string<A...> text, A&&... args) {
  if (enabled(Level::notice)) write(Level::notice, fmt::format(text, std::forward<A>(args)...));
}
template <class... A>
void info(fmt::format_string<A...> text, A&&... args) {
  if (enabled(Level::info)) write(Level::info, fmt::format(text, std::forward<A>(args)...));
}
template <class... A>
void debug(fmt::format_string<A...> text, A&&... args) {
  if (enabled(Level::debug)) write(Level::debug, fmt::format(text, std::forward<A>(args)...));
}

}  // namespace ptproxy::log
