#include "parent/line_protocol.h"

#include <fmt/format.h>

namespace ptproxy {
namespace {

// POSIX promises that a pipe takes this much in one piece.
constexpr std::size_t longest_line = 4096;

bool is_printable(char c) {
  return c >= 0x20 && c <= 0x7e;
}

}  // namespace

std::string LineProtocol::whole_line(std::string_view text) {
  std::string line(text.substr(0, longest_line - 1));
  for (char& c : line)
    if (!is_printable(c)) c = '?';
  return line + '\n';
}

void LineProtocol::say(std::string_view line) const {
  out_(whole_line(line));
}

void LineProtocol::complain(std::string_view line) const {
  (major_ == 1 ? out_ : err_)(whole_line(line));
}

void LineProtocol::version(const Version& version) const {
  say(fmt::format("VERSION {}", version.token));
}

void LineProtocol::version_error() const {
  complain("VERSION-ERROR no-version");
}

void LineProtocol::env_error(std::string_view why) const {
  complain(fmt::format("ENV-ERROR {}", why));
}

void LineProtocol::proxy_done() const {
  say("PROXY DONE");
}

void LineProtocol::proxy_error(std::string_view why) const {
  complain(fmt::format("PROXY-ERROR {}", why));
}

void LineProtocol::client_method(std::string_view transport, std::string_view protocol,
                                 const Endpoint& listening) const {
  say(fmt::format("CMETHOD {} {} {}", transport, protocol, listening.to_string()));
}

void LineProtocol::client_method_error(std::string_view transport, std::string_view why) const {
  complain(fmt::format("CMETHOD-ERROR {} {}", transport, why));
}

void LineProtocol::client_methods_done() const {
  say("CMETHODS DONE");
}

void LineProtocol::server_method(std::string_view transport, const Endpoint& listening, const Args& client_args) const {
  // An empty ARGS: would be copied into tor's bridge line as it is.
  say(fmt::format("SMETHOD {} {}{}", transport, listening.to_string(),
                  client_args.empty() ? "" : " ARGS:" + to_smethod_args(client_args)));
}

void LineProtocol::server_method_error(std::string_view transport, std::string_view why) const {
  complain(fmt::format("SMETHOD-ERROR {} {}", transport, why));
}

void LineProtocol::server_methods_done() const {
  say("SMETHODS DONE");
}

void LineProtocol::status_version() const {
  say("STATUS TYPE=version IMPLEMENTATION=ptproxy VERSION=\"" PTPROXY_VERSION "\"");
}

std::string LineProtocol::log_line(log::Level level, std::string_view text) {
  std::string line = fmt::format("LOG SEVERITY={} MESSAGE=\"", log::to_string(level));
  for (char c : text) {
    if (line.size() + 6 > longest_line) break;  // room for one more escape, the quote and the newline
    if (is_printable(c) && c != '"' && c != '\\')
      line += c;
    else
      line += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
  }
  return line + "\"\n";
}

}  // namespace ptproxy
