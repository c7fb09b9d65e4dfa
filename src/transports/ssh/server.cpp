#include "transports/ssh/server.h"

#include <ptproxy/log.h>

#include "io/relay.h"
#include "io/spawn.h"
#include "transports/ssh/key_pair.h"
#include "transports/ssh/login.h"
#include "transports/ssh/messages.h"
#include "transports/ssh/sshd_config.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <utility>

namespace ptproxy::ssh {
namespace {

constexpr const char* config_file = "sshd_config";

/// The account that clients log in to: ours, for an sshd that is not root's can let in nobody else.
Checked<std::string> find_user(const Services& services) {
  const auto account = services.processes->account();
  if (account.is_root) return Refusal("sshd is to run as an unprivileged user: do not start this as root");
  if (account.is_locked) return Refusal("sshd lets nobody in: the account that this runs as is locked");
  if (!is_user_name(account.name)) return Refusal("the account that this runs as has no name that ssh takes");
  return Checked<std::string>(boost::system::in_place_value, account.name);
}

Checked<PublicKey> load_host_key(Services& services) {
  if (!services.processes) return Refusal("ssh needs to start programs, which this one cannot");
  auto prepared = services.local.prepare_private();
  if (!prepared) return prepared.error();
  auto key = load_key_pair(services.local, "hostKey", *services.processes);
  if (!key) return key.error();
  return std::move(key->public_key);
}

Args arguments(const std::string& user, const PublicKey& host_key, const std::optional<Endpoint>& app) {
  Args args;
  args.add("user", user).add("fingerprint", host_key.fingerprint());
  if (app) args.add("remote", app->to_string());
  return args;
}

}  // namespace

Server::Server(Services& services, PublicKey host_key, std::string user, std::string host, Enrolment enrolment)
    : services_(services),
      host_key_(std::move(host_key)),
      user_(std::move(user)),
      host_(std::move(host)),
      enrolment_(std::move(enrolment)) {}

Checked<std::unique_ptr<ServerTransport>> Server::make(Services& services, const Args& options) {
  auto policy = parse_policy(options.find("accept"));
  if (!policy) return policy.error();
  if (!services.server_app)
    return Refusal("sshd needs a plain address for the Server App: it cannot speak to an Extended ORPort");
  auto host_key = load_host_key(services);
  if (!host_key) return host_key.error();
  auto user = find_user(services);
  if (!user) return user.error();

  Enrolment enrolment(services.local, *policy);
  auto prepared = enrolment.prepare();
  if (!prepared) return prepared.error();
  auto config = sshd_config(services.local.directory(), *services.server_app, static_cast<int>(login_limit.count()));
  if (!config) return config.error();
  auto written = services.local.write(config_file, *config);
  if (!written) return written.error();
  const Command check("sshd", {"-t", "-f", config_file}, services.local.directory());
  if (auto good = services.processes->run(check); !good) return good.error();
  return std::unique_ptr<ServerTransport>(new Server(services, std::move(*host_key), std::move(*user),
                                                     std::string(options.find("host").value_or("")),
                                                     std::move(enrolment)));
}

Checked<Configuration> Server::generate(Services& services, const Args& options, std::string_view) {
  auto policy = parse_policy(options.find("accept"));
  if (!policy) return policy.error();
  auto host_key = load_host_key(services);
  if (!host_key) return host_key.error();
  auto user = find_user(services);
  if (!user) return user.error();
  Configuration made;
  made.server = options;
  made.client = arguments(*user, *host_key, services.server_app);
  return made;
}

Args Server::client_args() const {
  return arguments(user_, host_key_, services_.server_app);
}

Awaitable<> Server::serve(Listener& listener, OnStream) {
  write_client_configuration(listener.address());
  if (services_.signals) spawn(services_.executor, "ssh signals", hear_signals());
  spawn(services_.executor, "ssh operator", watch_answers());
  for (;;) {
    auto wire = co_await listener.accept();
    if (!wire) co_return;
    const auto peer = (*wire)->peer();
    const auto client = peer ? peer->host() : std::string();
    if (has_room_for(client)) begin_session(std::move(*wire), client);
  }
}

bool Server::has_room_for(const std::string& client) const {
  if (logging_in_ >= most_logging_in || sessions_ >= most_sessions) return false;
  const auto theirs = logging_in_from_.find(client);
  return client.empty() || theirs == logging_in_from_.end() || theirs->second < most_logging_in_from_one;
}

void Server::begin_session(StreamPtr wire, const std::string& client) {
  ++logging_in_, ++sessions_, ++logging_in_from_[client];
  const std::function<void()> on_login = [this, client, logging_in = std::make_shared<bool>(true)] {
    if (!std::exchange(*logging_in, false)) return;
    --logging_in_;
    if (--logging_in_from_[client] == 0) logging_in_from_.erase(client);
  };
  spawn(services_.executor, "sshd", session(std::move(wire), on_login), [this, on_login] {
    on_login();
    --sessions_;
  });
}

bool Server::is_login(std::string_view line) const {
  // A user name of a hundred bytes, which is the most that sshd repeats, cannot hold so much and end like this.
  constexpr std::string_view digest = "SHA256:";
  constexpr std::size_t digest_size = 43;
  const auto begin = fmt::format("Accepted publickey for {} from UNKNOWN port 65535 ssh2: ", user_);
  if (!line.starts_with(begin) || line.size() < begin.size() + digest_size) return false;
  line.remove_prefix(begin.size());
  return line.find_first_of(' ') == line.rfind(' ') && line.substr(0, line.size() - digest_size).ends_with(digest);
}

Awaitable<> Server::session(StreamPtr wire, std::function<void()> on_login) {
  const Command sshd("sshd", {"-i", "-e", "-f", (services_.local.directory() / config_file).native()},
                     services_.local.directory());
  auto child = services_.processes->start(sshd);
  if (!child) {
    log::error("ssh: {}", child.error().text());
    co_return;
  }
  start_relay(services_.executor, services_.clock, std::move(wire), (*child)->take_stdio());
  for (;;) {
    auto line = co_await (*child)->next_line();
    if (!line) break;
    log::debug("sshd: {}", *line);
    if (is_login(*line)) on_login();
  }
  (void)co_await (*child)->exit_code();
}

Awaitable<> Server::hear_signals() {
  for (;;) {
    auto message = co_await services_.signals->receive();
    if (!message) co_return;
    auto key = read_client_key(*message);
    if (key)
      ask(*key);
    else
      log::warning("ssh: {}", key.error().text());
  }
}

void Server::ask(const PublicKey& key) {
  auto outcome = enrolment_.ask(key);
  if (!outcome) return log::error("ssh: {}", outcome.error().text());
  if (*outcome == Enrolment::Outcome::accepted) return let_in(key);
  log::notice(
      "ssh: a client asks to be let in; if its operator confirms this fingerprint, write it as a line into "
      "ssh/accept in the state directory: {}",
      key.fingerprint());
}

void Server::let_in(const PublicKey& key) {
  log::notice("ssh: let in: {}", key.fingerprint());
  if (!services_.signals) return;
  auto sent = services_.signals->send(accepted_message(key));
  if (!sent) log::warning("ssh: {}", sent.error().text());
}

Awaitable<> Server::watch_answers() {
  std::string told;
  for (;;) {
    auto slept = co_await services_.clock.sleep_until(services_.clock.now() + review_every);
    if (!slept) co_return;
    if (!enrolment_.anybody_waits()) continue;
    auto accepted = enrolment_.review();
    if (!accepted) {
      // Once: it may be mended while we run.
      if (accepted.error().text() != told) log::error("ssh: {}", accepted.error().text());
      told = accepted.error().text();
      continue;
    }
    for (const auto& key : *accepted) let_in(key);
  }
}

void Server::write_client_configuration(const std::optional<Endpoint>& listening) const {
  boost::json::object json;
  std::string host = host_;
  if (host.empty() && listening && listening->host() != "0.0.0.0" && listening->host() != "::")
    host = listening->host();
  if (!host.empty()) json["host"] = host;
  if (listening) json["port"] = std::to_string(listening->port());
  json["hostkey"] = host_key_.to_string();
  const Args args = client_args();
  for (const auto& [key, value] : args.pairs()) json[key] = value;
  auto written = services_.local.write("client.json", boost::json::serialize(json) + '\n');
  if (!written) log::warning("ssh: {}", written.error().text());
}

}  // namespace ptproxy::ssh
