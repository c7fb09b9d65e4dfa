#pragma once
/// \file
/// Our side of tor's Extended ORPort: prove that we may use it, then tell who our client is (tor's specs
/// ext-orport-spec and proposals 196, 217).

#include <ptproxy/endpoint.h>
#include <ptproxy/handshake.h>

namespace ptproxy {

enum class OrPortErrc {
  bad_cookie_file = 1,  ///< it is not 32 bytes of header and 32 of cookie
  no_common_auth,       ///< tor does not offer SAFE_COOKIE
  wrong_server_hash,    ///< whoever listens there does not know the cookie
  cookie_refused,       ///< tor does not accept ours
  connection_denied,    ///< DENY
  too_many_replies,     ///< tor talks and talks, and never says OKAY
};

const boost::system::error_category& or_port_category();
inline error_code make_error_code(OrPortErrc e) {
  return {static_cast<int>(e), or_port_category()};
}

/// The cookie in the file that TOR_PT_AUTH_COOKIE_FILE names: exactly 64 bytes, of which the first half is fixed.
Result<Secret<32>> parse_or_port_cookie(ByteView file);

/// Authenticates both sides by the cookie (SAFE_COOKIE) and sends USERADDR, TRANSPORT and DONE, in two writes. `done`
/// when tor said OKAY; before that nothing else may be sent, for tor closes the connection on it. What tor sent behind
/// OKAY is left in `in`. Fails with an OrPortErrc. A deadline of 10 seconds is the caller's.
class ExtOrPort final : public Handshake {
 public:
  static constexpr std::size_t most_auth_types = 255;
  static constexpr int most_unknown_replies = 16;

  /// `client_nonce` is fresh randomness for each connection. `client` is told when it is an IP literal. `transport` is
  /// a method's name, a C identifier.
  ExtOrPort(const Secret<32>& cookie, ByteArray<32> client_nonce, const std::optional<Endpoint>& client,
            std::string_view transport);
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;

 private:
  enum class Stage { start, auth_types, hashes, status, replies, done };
  Result<Step> take_stage(ByteQueue& in, ByteQueue& out);
  Result<Step> take_auth_types(ByteQueue& in);
  Result<Step> take_hashes(ByteQueue& in, ByteQueue& out);
  Result<Step> take_status(ByteQueue& in);
  Result<Step> take_reply(ByteQueue& in);
  ByteArray<32> hash(std::string_view label, ByteView server_nonce) const;

  Secret<32> cookie_;
  ByteArray<32> client_nonce_;
  ByteQueue commands_;
  Stage stage_ = Stage::start;
  std::size_t body_to_skip_ = 0;
  bool okay_ = false;
  int unknown_replies_ = 0;
};

}  // namespace ptproxy

template <>
struct boost::system::is_error_code_enum<ptproxy::OrPortErrc> : std::true_type {};
