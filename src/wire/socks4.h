#pragma once
/// \file
/// The server's side of SOCKS4 and SOCKS4a.

#include <ptproxy/handshake.h>

#include "wire/socks_request.h"

namespace ptproxy {

/// Up to the request; the reply to it is for the caller to send. PT 1 arguments come in the user id. Whatever is wrong
/// with a request is answered by a refusal, in `out`.
/// Errors: Errc::unsupported for another command than CONNECT, Errc::too_long, Errc::bad_arguments for a user id that
/// is no arguments, Errc::bad_message.
class Socks4Server final : public Handshake {
 public:
  /// SOCKS4 sets no limit. The pluggable transports' SOCKS5 form ends at 510.
  static constexpr std::size_t longest_user_id = 1024;
  static constexpr std::size_t longest_name = 255;

  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;
  /// After `done`.
  const SocksRequest& request() const { return request_; }

 private:
  Result<Step> take(ByteQueue& in);

  SocksRequest request_;
};

}  // namespace ptproxy
