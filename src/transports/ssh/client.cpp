#include "transports/ssh/client.h"

#include <ptproxy/log.h>

#include "io/spawn.h"
#include "transports/ssh/key_pair.h"
#include "transports/ssh/messages.h"

#include <fmt/format.h>

#include <boost/asio/error.hpp>

#include <unistd.h>

namespace ptproxy::ssh {

Checked<std::unique_ptr<ClientTransport>> Client::make(Services& services) {
  if (!services.processes) return Refusal("ssh needs to start programs, which this one cannot");
  auto prepared = services.local.prepare_private();
  if (!prepared) return prepared.error();
  const Command version("ssh", {"-V"}, services.local.directory());
  if (auto there = services.processes->run(version); !there) return there.error();
  auto key = load_key_pair(services.local, "sshKey", *services.processes);
  if (!key) return key.error();
  std::unique_ptr<Client> client(new Client(services, std::move(key->public_key)));
  if (key->is_new) client->announce();
  if (services.signals) spawn(services.executor, "ssh signals", client->hear_signals());
  return std::unique_ptr<ClientTransport>(std::move(client));
}

Awaitable<Result<StreamPtr>> Client::connect(const Endpoint& destination, const Args& args, Dialer& dialer) {
  auto route = parse_route(destination, args);
  if (!route) {
    log::warning("ssh: {}", route.error().text());
    co_return make_error_code(Errc::bad_arguments);
  }
  const auto way = tunnel(route->login, dialer);
  if (!way) {
    log::warning("ssh: too many servers at a time");
    co_return error_code(asio::error::no_buffer_space);
  }
  const Endpoint app = route->app;
  co_return co_await way->connect(app);
}

std::shared_ptr<Tunnel> Client::tunnel(const Login& login, Dialer& dialer) {
  std::erase_if(tunnels_, [](const auto& row) { return row.second->ended(); });
  const auto known = tunnels_.find(login);
  if (known != tunnels_.end()) return known->second;
  if (tunnels_.size() >= most_tunnels) make_room();
  if (tunnels_.size() >= most_tunnels) return nullptr;
  // Another process may use the same folder.
  auto name = fmt::format("socks-{}-{}", ::getpid(), tunnels_made_++);
  auto made = std::make_shared<Tunnel>(services_, dialer, login, std::move(name), [this] { announce(); });
  tunnels_.emplace(login, made);
  spawn(services_.executor, "ssh", Tunnel::supervise(made));
  return made;
}

void Client::make_room() {
  auto eldest = tunnels_.end();
  for (auto row = tunnels_.begin(); row != tunnels_.end(); ++row) {
    const auto since = row->second->idle_since();
    if (since && (eldest == tunnels_.end() || *since < *eldest->second->idle_since())) eldest = row;
  }
  if (eldest == tunnels_.end()) return;
  eldest->second->give_up();
  tunnels_.erase(eldest);
}

void Client::announce() {
  const auto now = services_.clock.now();
  if (announced_ && now - *announced_ < announce_again) return;
  announced_ = now;
  log::notice("ssh: the server's operator has to let this key in: {}", key_.fingerprint());
  if (!services_.signals) return;
  auto sent = services_.signals->send(client_key_message(key_));
  if (!sent) log::warning("ssh: {}", sent.error().text());
}

Awaitable<> Client::hear_signals() {
  for (;;) {
    auto message = co_await services_.signals->receive();
    if (!message) co_return;
    if (!is_accepted(*message, key_)) continue;
    log::notice("ssh: the server's operator has let this key in");
    for (const auto& [login, tunnel] : tunnels_) tunnel->try_now();
  }
}

}  // namespace ptproxy::ssh
