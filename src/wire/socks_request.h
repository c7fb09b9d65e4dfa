#pragma once
/// \file
/// What a SOCKS client asked of us, whichever version it spoke.

#include <ptproxy/args.h>
#include <ptproxy/bytes.h>
#include <ptproxy/endpoint.h>

namespace ptproxy {

/// What the first byte of the talk told.
enum class SocksVersion : std::uint8_t { socks4 = 4, socks5 = 5 };

/// A SOCKS5 authentication method (RFC 1928 section 3), as far as we know them.
enum class SocksMethod : Byte {
  none = 0x00,           ///< no settings
  pt1_arguments = 0x02,  ///< `k=v;k=v` in the fields of RFC 1929; also stands for SOCKS4's user id
  json_block = 0x09,     ///< a length and a JSON object: PT 2.0 as published
  json_draft = 0x80,     ///< a JSON object: PT 2.0 draft 1 (bare) and draft 2 (with a length)
  unacceptable = 0xff,   ///< none of those that the client offered
};

/// A CONNECT request and the settings that came with it.
class SocksRequest {
 public:
  SocksRequest() = default;
  SocksRequest(SocksVersion version, SocksMethod method, Endpoint target, Args args)
      : version_(version), method_(method), target_(std::move(target)), args_(std::move(args)) {}
  SocksVersion version() const { return version_; }
  SocksMethod method() const { return method_; }
  /// The bridge to dial; a placeholder for transports whose arguments say where to go.
  const Endpoint& target() const { return target_; }
  const Args& args() const { return args_; }
  /// The settings came as JSON, so the client knows the reply codes 0x10 to 0x13.
  bool settings_by_pt2() const { return method_ == SocksMethod::json_block || method_ == SocksMethod::json_draft; }
  bool operator==(const SocksRequest&) const = default;

 private:
  SocksVersion version_ = SocksVersion::socks5;
  SocksMethod method_ = SocksMethod::none;
  Endpoint target_;
  Args args_;
};

}  // namespace ptproxy
