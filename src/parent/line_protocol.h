#pragma once
/// \file
/// What we say to the parent: the only mouth on stdout. pt-2.0-draft-1 section 3.3.2 and PT 1.0.

#include <ptproxy/args.h>
#include <ptproxy/endpoint.h>
#include <ptproxy/log.h>

#include "parent/config.h"
#include "parent/signal_lines.h"

#include <functional>
#include <string>
#include <string_view>

namespace ptproxy {

/// Builds the lines and picks their stream. Every line is whole: printable ASCII, one newline, at most 4096 bytes,
/// handed over in one call.
class LineProtocol {
 public:
  using Write = std::function<void(std::string_view line)>;
  /// Under version 1 errors go where tor reads them, to `out`; otherwise to `err`.
  LineProtocol(int major, Write out, Write err) : major_(major), out_(std::move(out)), err_(std::move(err)) {}

  void version(const Version& version) const;
  void version_error() const;
  void env_error(std::string_view why) const;
  void proxy_done() const;
  void proxy_error(std::string_view why) const;
  /// `protocol` is `socks5`, `socks4`, `transparent-TCP`, ...
  void client_method(std::string_view transport, std::string_view protocol, const Endpoint& listening) const;
  void client_method_error(std::string_view transport, std::string_view why) const;
  void client_methods_done() const;
  void server_method(std::string_view transport, const Endpoint& listening, const Args& client_args) const;
  void server_method_error(std::string_view transport, std::string_view why) const;
  void server_methods_done() const;
  /// STATUS TYPE=version ...
  void status_version() const;

  /// `text` as one line: control characters and bytes above 0x7e become `?`, and what passes 4096 bytes is cut off.
  static std::string whole_line(std::string_view text);
  /// CMESSAGE ... or SMESSAGE ...
  static std::string signal_line(const SignalLine& signal) { return whole_line(signal.to_string()); }
  /// A LOG line as tor parses it.
  static std::string log_line(log::Level level, std::string_view text);

 private:
  void say(std::string_view line) const;
  void complain(std::string_view line) const;

  int major_;
  Write out_, err_;
};

}  // namespace ptproxy
