#pragma once
/// \file
/// The way out through an upstream proxy (TOR_PT_PROXY).

#include <ptproxy/transport.h>
#include <ptproxy/upstream_proxy.h>

namespace ptproxy {

/// Reaches every address, and every name unresolved, through the proxy; never around it.
class UpstreamDialer final : public Dialer {
 public:
  /// `direct` leads to the proxy itself. Services and dialer outlive this.
  UpstreamDialer(Services& services, Dialer& direct, UpstreamProxy proxy)
      : services_(services), direct_(direct), proxy_(std::move(proxy)) {}
  Awaitable<Result<StreamPtr>> dial(const Endpoint& to) override;

 private:
  Services& services_;
  Dialer& direct_;
  UpstreamProxy proxy_;
};

}  // namespace ptproxy
