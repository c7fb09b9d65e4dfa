#pragma once
/// \file
/// The server's side of SOCKS5 (RFC 1928, RFC 1929) with the pluggable transports' ways to send settings.

#include <ptproxy/handshake.h>

#include "wire/pt2_settings.h"
#include "wire/socks_reply.h"
#include "wire/socks_request.h"

namespace ptproxy {

/// Up to the request; the reply to it is for the caller to send, once it is known. Of the methods that the client
/// offers the first of 0x09, 0x80, 0x02, 0x00 is taken. On a failure the peer's last word is in `out`. Errors: a
/// SocksReply where one is sent, Errc::unsupported for no acceptable method, Errc::bad_arguments for settings in the
/// RFC 1929 fields that cannot be read.
class Socks5Server final : public Handshake {
 public:
  /// 0x80 lies in the range for private methods, so it means the draft's JSON only to a parent that speaks PT 2.
  explicit Socks5Server(bool allow_method_80) : allow_method_80_(allow_method_80) {}
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;
  /// After `done`.
  const SocksRequest& request() const { return request_; }
  /// What to tell a client that runs out of time now: that its settings are late, or nothing.
  Bytes timeout_reply() const;

 private:
  enum class Stage { greeting, pt1_arguments, pt2_settings, request, done };
  Result<Step> take_stage(ByteQueue& in, ByteQueue& out);
  Result<Step> take_greeting(ByteQueue& in, ByteQueue& out);
  Result<Step> take_pt1_arguments(ByteQueue& in, ByteQueue& out);
  Result<Step> take_pt2_settings(ByteQueue& in, ByteQueue& out);
  Result<Step> take_request(ByteQueue& in, ByteQueue& out);
  SocksMethod choose(ByteView offered) const;

  bool allow_method_80_;
  Stage stage_ = Stage::greeting;
  SocksMethod method_ = SocksMethod::none;
  std::optional<Pt2Settings> pt2_settings_;
  Args args_;
  SocksRequest request_;
};

}  // namespace ptproxy
