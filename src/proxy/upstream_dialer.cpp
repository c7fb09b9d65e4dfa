#include "proxy/upstream_dialer.h"

#include "io/early_stream.h"
#include "io/run_handshake.h"
#include "wire/http_connect.h"
#include "wire/upstream_errc.h"
#include "wire/upstream_socks4a.h"
#include "wire/upstream_socks5.h"

namespace ptproxy {
namespace {

std::unique_ptr<Handshake> ask_for(const Endpoint& to, const UpstreamProxy& proxy) {
  switch (proxy.kind()) {
    case UpstreamProxy::Kind::http:
      return std::make_unique<HttpConnect>(to, proxy.user(), proxy.password());
    case UpstreamProxy::Kind::socks4a:
      return std::make_unique<UpstreamSocks4a>(to, proxy.user().value_or(""));
    case UpstreamProxy::Kind::socks5:
      return std::make_unique<UpstreamSocks5>(to, proxy.user(), proxy.password());
  }
  return nullptr;
}

}  // namespace

Awaitable<Result<StreamPtr>> UpstreamDialer::dial(const Endpoint& to) {
  auto proxy = co_await direct_.dial(proxy_.address());
  if (!proxy) co_return proxy.error();
  const auto handshake = ask_for(to, proxy_);
  auto early = co_await run_handshake(**proxy, services_.chunks, *handshake);
  if (!early) co_return hung_up(early.error()) ? error_code(UpstreamErrc::hung_up) : early.error();
  co_return with_early_bytes(std::move(*proxy), std::move(*early), services_.chunks);
}

}  // namespace ptproxy
