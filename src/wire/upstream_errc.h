#pragma once
/// \file
/// How an upstream proxy may fail us, where it does not say so by a SOCKS5 reply.

#include <ptproxy/result.h>

namespace ptproxy {

/// Towards our own client each of them is a general failure.
enum class UpstreamErrc {
  wants_credentials = 1,  ///< and we have none that it takes
  refused_credentials,
  refused,          ///< it will not connect us
  bad_reply,        ///< it does not speak the protocol that it was configured for
  header_too_long,  ///< its HTTP header passes 16 KiB
  hung_up,          ///< it ended the connection before it had answered
  bad_name,         ///< the destination's name does not fit into the protocol
};

const boost::system::error_category& upstream_category();
inline error_code make_error_code(UpstreamErrc e) {
  return {static_cast<int>(e), upstream_category()};
}

}  // namespace ptproxy

template <>
struct boost::system::is_error_code_enum<ptproxy::UpstreamErrc> : std::true_type {};
