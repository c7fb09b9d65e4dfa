#pragma once
/// \file
/// What a SOCKS server answers, and which answer an error deserves.

#include <ptproxy/bytes.h>
#include <ptproxy/result.h>

#include "wire/socks_request.h"

namespace ptproxy {

/// The REP field of a SOCKS5 reply: RFC 1928 section 6, and what PT 2.0 adds for settings sent as JSON. Also an error
/// code of its own, so that what an upstream SOCKS5 proxy answered reaches our own client unchanged.
enum class SocksReply : Byte {
  succeeded = 0x00,
  general_failure = 0x01,
  not_allowed = 0x02,
  network_unreachable = 0x03,
  host_unreachable = 0x04,
  connection_refused = 0x05,
  timed_out = 0x06,  ///< RFC 1928 writes "TTL expired"
  command_not_supported = 0x07,
  address_type_not_supported = 0x08,
  settings_too_long = 0x10,
  settings_late = 0x11,
  settings_malformed = 0x12,
  settings_unacceptable = 0x13,
};

const boost::system::error_category& socks_category();
inline error_code make_error_code(SocksReply reply) {
  return {static_cast<int>(reply), socks_category()};
}

/// The reply that tells `error` most truly; `succeeded` for no error. Knows the system's errors by their meaning, the
/// house's own, and those of name resolution; everything else is a general failure.
SocksReply reply_for(error_code error);

/// The ten bytes of a SOCKS5 reply. The bound address is always 0.0.0.0:0: nobody asks for it.
Bytes socks5_reply(SocksReply code);
/// The eight bytes of a SOCKS4 reply.
Bytes socks4_reply(bool granted);
/// The reply in the words of the request's version. A client that sent no JSON never sees a code about JSON.
Bytes reply(const SocksRequest& request, SocksReply code);

}  // namespace ptproxy

template <>
struct boost::system::is_error_code_enum<ptproxy::SocksReply> : std::true_type {};
