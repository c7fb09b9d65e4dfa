#include "wire/http_connect.h"

#include "wire/ip_literal.h"
#include "wire/upstream_errc.h"

#include <fmt/format.h>

#include <algorithm>

namespace ptproxy {
namespace {

constexpr std::string_view protocol = "HTTP/1.";
constexpr int proxy_authentication_required = 407;

/// Where the header ends, its blank line included. Lines may end without a carriage return (RFC 9112 section 2.2).
std::optional<std::size_t> end_of_header(std::string_view text, std::size_t from) {
  for (auto line_end = text.find('\n', from); line_end != std::string_view::npos;
       line_end = text.find('\n', line_end + 1)) {
    const auto next_line = text.substr(line_end + 1);
    if (next_line.starts_with('\n')) return line_end + 2;
    if (next_line.starts_with("\r\n")) return line_end + 3;
  }
  return std::nullopt;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// `HTTP/1.x NNN` and a space or the line's end; nullopt for anything else.
std::optional<int> status_of(std::string_view header) {
  if (!header.starts_with(protocol)) return std::nullopt;
  const auto rest = header.substr(protocol.size());
  if (rest.size() < 6 || !is_digit(rest[0]) || rest[1] != ' ') return std::nullopt;
  if (!std::ranges::all_of(rest.substr(2, 3), is_digit) ||
      std::string_view(" \r\n").find(rest[5]) == std::string_view::npos)
    return std::nullopt;
  return (rest[2] - '0') * 100 + (rest[3] - '0') * 10 + (rest[4] - '0');
}

}  // namespace

Result<Handshake::Step> HttpConnect::advance(ByteQueue& in, ByteQueue& out) {
  if (!asked_) {
    if (auto asked = ask(out); !asked) return asked.error();
    asked_ = true;
  }
  const auto text = as_text(in.view()).substr(0, longest_header);
  // Another protocol shows at once; nobody would end its header for us.
  if (!text.starts_with(protocol.substr(0, text.size()))) return UpstreamErrc::bad_reply;
  const auto end = end_of_header(text, scanned_);
  if (!end) {
    if (in.size() > longest_header) return UpstreamErrc::header_too_long;
    // The blank line may have begun within the last two bytes.
    scanned_ = text.size() - std::min<std::size_t>(text.size(), 2);
    return Step::need_more;
  }
  const auto status = status_of(text.substr(0, *end));
  if (!status) return UpstreamErrc::bad_reply;
  if (*status == proxy_authentication_required)
    return user_ ? UpstreamErrc::refused_credentials : UpstreamErrc::wants_credentials;
  if (*status / 100 != 2) return UpstreamErrc::refused;
  in.drop_front(*end);
  return Step::done;
}

Result<> HttpConnect::ask(ByteQueue& out) const {
  // A line break in the name would let whoever chose it write headers.
  if (!is_plain_name(target_.host())) return UpstreamErrc::bad_name;
  const auto authority = target_.to_string();
  out.append(as_bytes(fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", authority)));
  if (user_) {
    const auto credentials = to_base64(as_bytes(*user_ + ":" + password_.value_or("")));
    out.append(as_bytes(fmt::format("Proxy-Authorization: Basic {}\r\n", credentials)));
  }
  out.append(as_bytes("\r\n"));
  return {};
}

}  // namespace ptproxy
