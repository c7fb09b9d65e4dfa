#pragma once
/// \file
/// The client's side of SOCKS5 (RFC 1928, RFC 1929), towards an upstream proxy.

#include <ptproxy/endpoint.h>
#include <ptproxy/handshake.h>

namespace ptproxy {

/// Asks for a connection to `target`; names are left to the proxy. `done` when it is granted. A proxy that wants no
/// credentials gets none, even where there are some.
/// Errors: an UpstreamErrc, or the SocksReply 1 to 8 by which the proxy refused.
class UpstreamSocks5 final : public Handshake {
 public:
  /// User and password are both given or both not, each of 1 to 255 bytes.
  UpstreamSocks5(Endpoint target, std::optional<std::string> user, std::optional<std::string> password)
      : target_(std::move(target)), user_(std::move(user)), password_(std::move(password)) {}
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;

 private:
  enum class Stage { start, method, auth, reply, done };
  Result<Step> take_stage(ByteQueue& in, ByteQueue& out);
  Result<Step> greet(ByteQueue& out);
  Result<Step> take_method(ByteQueue& in, ByteQueue& out);
  Result<Step> take_auth(ByteQueue& in, ByteQueue& out);
  Result<Step> take_reply(ByteQueue& in);
  void ask(ByteQueue& out);

  Endpoint target_;
  std::optional<std::string> user_, password_;
  Stage stage_ = Stage::start;
};

}  // namespace ptproxy
