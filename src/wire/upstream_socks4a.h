#pragma once
/// \file
/// The client's side of SOCKS4 and SOCKS4a, towards an upstream proxy.

#include <ptproxy/endpoint.h>
#include <ptproxy/handshake.h>

namespace ptproxy {

/// Asks for a connection to `target`; names are left to the proxy. `done` when it is granted.
/// Errors: an UpstreamErrc; address_family_not_supported for an IPv6 target, before anything is said, for SOCKS4 has no
/// form for it.
class UpstreamSocks4a final : public Handshake {
 public:
  /// `user` has no NUL in it; empty for none.
  UpstreamSocks4a(Endpoint target, std::string user) : target_(std::move(target)), user_(std::move(user)) {}
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;

 private:
  Result<> ask(ByteQueue& out) const;

  Endpoint target_;
  std::string user_;
  bool asked_ = false;
};

}  // namespace ptproxy
