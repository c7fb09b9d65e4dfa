#include "proxy/or_port.h"

#include <ptproxy/log.h>

#include "io/early_stream.h"
#include "io/run_handshake.h"
#include "io/timing.h"
#include "wire/ext_orport.h"

namespace ptproxy {
namespace {

constexpr std::chrono::seconds setup_limit{10};

}  // namespace

OrPort::OrPort(Services& services, Dialer& dialer, Endpoint app)
    : services_(services), dialer_(dialer), app_(std::move(app)) {}

OrPort::OrPort(Services& services, Dialer& dialer, Endpoint ext_orport, std::filesystem::path cookie_file)
    : services_(services), dialer_(dialer), app_(std::move(ext_orport)), cookie_file_(std::move(cookie_file)) {
  if (!app_.is_loopback())
    log::warning("the Extended ORPort is not on this machine: client addresses travel to it in clear");
}

Awaitable<Result<StreamPtr>> OrPort::dial(std::optional<Endpoint> client, std::string_view transport) {
  auto app = co_await within(services_.clock, setup_limit, dialer_.dial(app_));
  if (!app || cookie_file_.empty()) co_return app;
  co_return co_await introduce(std::move(*app), std::move(client), transport);
}

Awaitable<Result<StreamPtr>> OrPort::introduce(StreamPtr tor, std::optional<Endpoint> client,
                                               std::string_view transport) {
  const Storage folder(cookie_file_.parent_path());
  auto file = folder.read(cookie_file_.filename().native());
  if (!file || !*file) {
    log::error("the Extended ORPort's cookie file cannot be read: {}", file ? "it is not there" : file.error().text());
    co_return make_error_code(Errc::forbidden);
  }
  auto cookie = parse_or_port_cookie(as_bytes(**file));
  if (!cookie) {
    log::error("the Extended ORPort's cookie file is not one");
    co_return cookie.error();
  }
  const auto nonce = services_.random.bytes<32>();
  ExtOrPort handshake(*cookie, nonce, client, transport);
  auto early = co_await within(services_.clock, setup_limit, run_handshake(*tor, services_.chunks, handshake));
  if (!early) co_return early.error();
  co_return with_early_bytes(std::move(tor), std::move(*early), services_.chunks);
}

}  // namespace ptproxy
