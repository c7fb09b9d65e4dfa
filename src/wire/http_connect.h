#pragma once
/// \file
/// A tunnel through an HTTP proxy, the client's side (RFC 9110 section 9.3.6).

#include <ptproxy/endpoint.h>
#include <ptproxy/handshake.h>

namespace ptproxy {

/// Sends CONNECT for `target`, with Basic credentials (RFC 7617) where there are some. `done` on any 2xx of HTTP/1.x;
/// whatever follows its header belongs to the tunnel and stays in `in`, for such a response has no body.
/// Errors: an UpstreamErrc. Says nothing about itself: no User-Agent. Asks once only.
class HttpConnect final : public Handshake {
 public:
  static constexpr std::size_t longest_header = 16 * 1024;

  /// A user without a password has an empty one.
  HttpConnect(Endpoint target, std::optional<std::string> user, std::optional<std::string> password)
      : target_(std::move(target)), user_(std::move(user)), password_(std::move(password)) {}
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;

 private:
  Result<> ask(ByteQueue& out) const;

  Endpoint target_;
  std::optional<std::string> user_, password_;
  bool asked_ = false;
  std::size_t scanned_ = 0;  // no header ends before here
};

}  // namespace ptproxy
