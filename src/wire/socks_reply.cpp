#include "wire/socks_reply.h"

#include <boost/system/errc.hpp>

namespace ptproxy {
namespace {

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "socks"; }
  std::string message(int code) const override {
    switch (static_cast<SocksReply>(code)) {
      case SocksReply::succeeded:
        return "succeeded";
      case SocksReply::general_failure:
        return "general SOCKS server failure";
      case SocksReply::not_allowed:
        return "connection not allowed by ruleset";
      case SocksReply::network_unreachable:
        return "network unreachable";
      case SocksReply::host_unreachable:
        return "host unreachable";
      case SocksReply::connection_refused:
        return "connection refused";
      case SocksReply::timed_out:
        return "timed out";
      case SocksReply::command_not_supported:
        return "command not supported";
      case SocksReply::address_type_not_supported:
        return "address type not supported";
      case SocksReply::settings_too_long:
        return "the settings are too long";
      case SocksReply::settings_late:
        return "the settings did not come in time";
      case SocksReply::settings_malformed:
        return "the settings are not a JSON object";
      case SocksReply::settings_unacceptable:
        return "the transport does not accept these settings";
    }
    return "unknown SOCKS reply";
  }
};

bool is_about_settings(SocksReply code) {
  return code >= SocksReply::settings_too_long && code <= SocksReply::settings_unacceptable;
}

SocksReply reply_for_ours(Errc error) {
  switch (error) {
    case Errc::bad_arguments:
      return SocksReply::settings_unacceptable;
    case Errc::forbidden:
      return SocksReply::not_allowed;
    case Errc::handshake_failed:
    case Errc::unfinished_handshake:
    case Errc::wrong_key:
    case Errc::skewed_clock:
    case Errc::bad_message:
    case Errc::too_long:
    case Errc::unsupported:
    case Errc::overloaded:
      break;
  }
  return SocksReply::general_failure;
}

}  // namespace

const boost::system::error_category& socks_category() {
  static const Category category;
  return category;
}

SocksReply reply_for(error_code error) {
  namespace errc = boost::system::errc;
  if (!error) return SocksReply::succeeded;
  if (error.category() == socks_category()) return static_cast<SocksReply>(error.value());
  if (error.category() == ptproxy_category()) return reply_for_ours(static_cast<Errc>(error.value()));
  // Asio's categories for getaddrinfo's errors have no portable conditions, and this floor does not know Asio; their
  // names do not change. Only "no such address family" is told by a system error instead.
  const std::string_view category = error.category().name();
  if (category == "asio.netdb" || category == "asio.addrinfo") return SocksReply::host_unreachable;

  if (error == errc::permission_denied || error == errc::operation_not_permitted) return SocksReply::not_allowed;
  if (error == errc::network_unreachable || error == errc::network_down) return SocksReply::network_unreachable;
  if (error == errc::host_unreachable) return SocksReply::host_unreachable;
  if (error == errc::connection_refused || error == errc::connection_reset) return SocksReply::connection_refused;
  if (error == errc::timed_out) return SocksReply::timed_out;
  if (error == errc::address_not_available || error == errc::address_family_not_supported)
    return SocksReply::address_type_not_supported;
  return SocksReply::general_failure;
}

Bytes socks5_reply(SocksReply code) {
  return {0x05, static_cast<Byte>(code), 0x00, 0x01, 0, 0, 0, 0, 0, 0};
}

Bytes socks4_reply(bool granted) {
  return {0x00, static_cast<Byte>(granted ? 0x5a : 0x5b), 0, 0, 0, 0, 0, 0};
}

Bytes reply(const SocksRequest& request, SocksReply code) {
  if (request.version() == SocksVersion::socks4) return socks4_reply(code == SocksReply::succeeded);
  const bool unknown_to_client = is_about_settings(code) && !request.settings_by_pt2();
  return socks5_reply(unknown_to_client ? SocksReply::general_failure : code);
}

}  // namespace ptproxy
