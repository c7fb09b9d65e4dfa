#include "proxy/forward_proxy.h"

#include <ptproxy/log.h>

#include "io/early_stream.h"
#include "io/race.h"
#include "io/relay.h"
#include "io/run_handshake.h"
#include "io/spawn.h"
#include "io/timing.h"
#include "wire/socks_server.h"

#include <boost/asio/this_coro.hpp>

namespace ptproxy {
namespace {

constexpr std::chrono::seconds socks_limit{10};
// A transport has a minute and can then tell what was missing; this ends those that have not given up by themselves.
constexpr std::chrono::seconds connect_limit{61};
constexpr std::chrono::seconds refusal_limit{2};
constexpr std::size_t most_early_bytes = 64 * 1024;
constexpr int most_in_handshake = 1024;

/// Collects what the application says before it is connected, up to a limit; then leaves it to the kernel. Ends only
/// when the application gives up: an error, or an end of sending that `may_end` does not allow for.
Awaitable<Result<StreamPtr>> listen_early(Stream& app, ByteQueue& early, bool may_end) {
  while (early.size() < most_early_bytes) {
    auto heard = co_await app.read();
    if (heard) {
      early.append(heard->bytes());
      continue;
    }
    if (heard.error() != asio::error::eof || (early.empty() && !may_end)) co_return heard.error();
    break;
  }
  // Nothing more to hear: wait until the connection attempt, beside which this runs, ends.
  Bell never(static_cast<Executor>(co_await asio::this_coro::executor));
  (void)co_await never.wait();
  co_return error_code(asio::error::operation_aborted);
}

}  // namespace

Awaitable<> ForwardProxy::serve(Listener& listener) {
  for (;;) {
    auto app = co_await listener.accept();
    if (!app) co_return;
    if (in_handshake_ >= most_in_handshake) continue;
    auto task = door_.target ? greet_transparent(std::move(*app)) : greet_socks(std::move(*app));
    spawn(services_.executor, "forward proxy", std::move(task));
  }
}

Awaitable<Result<StreamPtr>> ForwardProxy::connect(const Endpoint& bridge, const Args& args) {
  const Args merged = args.over(door_.options);
  auto stream = co_await within(services_.clock, connect_limit, client_.connect(bridge, merged, dialer_));
  if (!stream && stream.error() != asio::error::operation_aborted)
    log::notice("{}: no connection to {}: {}", transport_, log::scrubbed(bridge), stream.error().message());
  co_return stream;
}

Awaitable<Result<StreamPtr>> ForwardProxy::connect_while_listening(Stream& app, ByteQueue& early,
                                                                   const Endpoint& bridge, const Args& args,
                                                                   bool may_end) {
  auto first = co_await race(connect(bridge, args), listen_early(app, early, may_end));
  if (first.index() == 0) co_return std::move(std::get<0>(first));
  co_return std::move(std::get<1>(first));
}

Awaitable<Result<ByteQueue>> ForwardProxy::hear_request(Stream& app, SocksServer& socks) {
  ++in_handshake_;
  try {
    auto early = co_await within(services_.clock, socks_limit, run_handshake(app, services_.chunks, socks));
    --in_handshake_;
    co_return early;
  } catch (...) {
    --in_handshake_;
    throw;
  }
}

Awaitable<> ForwardProxy::greet_socks(StreamPtr app) {
  SocksServer socks(door_.pt2);
  auto early = co_await hear_request(*app, socks);
  if (!early) {
    log::info("{}: a SOCKS request failed: {}", transport_, early.error().message());
    Bytes last_words;
    if (early.error() == asio::error::timed_out) last_words = socks.timeout_reply();
    co_return co_await refuse(std::move(app), last_words);
  }
  const auto& request = socks.request();
  auto bridge = co_await connect_while_listening(*app, *early, request.target(), request.args(), false);
  const auto answer = reply(request, bridge ? SocksReply::succeeded : reply_for(bridge.error()));
  if (!bridge) co_return co_await refuse(std::move(app), answer);
  auto told = co_await write_all(*app, services_.chunks, answer);
  if (!told) co_return;
  start_relay(services_.executor, services_.clock,
              with_early_bytes(std::move(app), std::move(*early), services_.chunks), std::move(*bridge));
}

Awaitable<> ForwardProxy::greet_transparent(StreamPtr app) {
  ByteQueue early;
  const Args none;
  auto bridge = co_await connect_while_listening(*app, early, *door_.target, none, true);
  if (!bridge) co_return;
  start_relay(services_.executor, services_.clock, with_early_bytes(std::move(app), std::move(early), services_.chunks),
              std::move(*bridge));
}

Awaitable<> ForwardProxy::refuse(StreamPtr app, ByteView last_words) {
  const Bytes words(last_words.begin(), last_words.end());
  auto told = co_await write_all(*app, services_.chunks, words);
  if (!told) co_return;
  // Closed with unread bytes in it, the socket would send RST, and the application might never see the reply.
  app->shutdown_write();
  (void)co_await within(services_.clock, refusal_limit, swallow(*app));
}

}  // namespace ptproxy
