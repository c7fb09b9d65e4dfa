// meek: one stream as many HTTP requests, to a server that may hide behind a content delivery network.
#include <ptproxy/log.h>

#include "transports/meek/poller.h"
#include "transports/meek/server.h"

#include <fmt/format.h>

namespace ptproxy {
namespace meek {
namespace {

class Client final : public ClientTransport {
 public:
  explicit Client(Services& services) : services_(services) {}

  /// The bridge is a placeholder: where to go stands in the arguments.
  Awaitable<Result<StreamPtr>> connect(const Endpoint&, const Args& args, Dialer& dialer) override {
    auto route = parse_route(args);
    if (!route) {
      log::warning("meek: {}", route.error().text());
      co_return make_error_code(Errc::bad_arguments);
    }
    warn_of_imitation(args);
    if (route->tls && !tls_) {
      auto tls = TlsSettings::client_with_system_roots();
      if (!tls) {
        log::error("meek: {}", tls.error().text());
        co_return make_error_code(Errc::forbidden);
      }
      tls_ = std::move(*tls);
    }
    const bool secured = route->tls;
    auto poller = std::make_shared<Poller>(services_, dialer, std::move(*route), secured ? tls_ : std::nullopt);
    auto connected = co_await poller->connect();
    if (!connected) co_return connected.error();
    co_return Poller::start(std::move(poller));
  }

 private:
  void warn_of_imitation(const Args& args) {
    if (warned_ || !wants_imitation(args)) return;
    warned_ = true;
    log::warning("meek: the argument 'utls' is not supported: no browser's TLS is imitated, OpenSSL's own is used");
  }

  Services& services_;
  std::optional<TlsSettings> tls_;  // read at first use: the system's authorities are many
  bool warned_ = false;
};

/// Where clients go is what the options say, `url` and `front`, else the server itself.
Checked<Configuration> generate(Services&, const Args& options, std::string_view address) {
  auto parsed = parse_server_options(options);
  if (!parsed) return parsed.error();
  Configuration made;
  for (const auto& [key, value] : options.pairs())
    (key == "url" || key == "front" ? made.client : made.server).add(key, value);
  if (made.client.find("url")) {
    auto route = parse_route(made.client);
    if (!route) return route.error();
    return made;
  }
  if (!parsed->trusted_fields.empty() || !made.client.empty())
    return Refusal("clients go to what stands before this server: name it with the option 'url'");
  made.client.add("url", fmt::format("{}://{}{}", parsed->tls ? "https" : "http", address,
                                     parsed->path.empty() ? "/" : parsed->path));
  return made;
}

Checked<std::unique_ptr<ClientTransport>> make_client(Services& services) {
  return std::make_unique<Client>(services);
}

}  // namespace

extern const TransportEntry entry{
    "meek",
    make_client,
    [](Services& services, const Args& options) -> Checked<std::unique_ptr<ServerTransport>> {
      auto parsed = parse_server_options(options);
      if (!parsed) return parsed.error();
      return std::make_unique<Server>(services, std::move(*parsed));
    },
    generate,
};

}  // namespace meek

/// The name that tor's bridge lines use for the client.
namespace meek_lite {

extern const TransportEntry entry{
    "meek_lite",
    meek::make_client,
    [](Services&, const Args&) -> Checked<std::unique_ptr<ServerTransport>> {
      return Refusal("meek_lite is a client only: the server's name is meek");
    },
};

}  // namespace meek_lite
}  // namespace ptproxy
