#include "transports/ssh/tunnel.h"

#include <ptproxy/log.h>

#include "io/early_stream.h"
#include "io/relay.h"
#include "io/run_handshake.h"
#include "wire/upstream_socks5.h"

#include <fmt/format.h>

#include <boost/asio/error.hpp>

#include <algorithm>

namespace ptproxy::ssh {
namespace {

constexpr std::string_view private_key = "sshKey";
constexpr std::chrono::seconds shortest_rest{1};
constexpr int most_doublings = 6;

/// ssh asks this program for the keys that the server may have: the one that it shows, if its fingerprint is right,
/// else none. It also asks before it knows any, and the program must not fail then.
std::string known_hosts_command(std::string_view fingerprint) {
  return fmt::format(R"(/bin/sh -c 'test "$1" = {} && echo "$2 $3 $4"; exit 0' sh %f %H %t %K)", fingerprint);
}

}  // namespace

Tunnel::Tunnel(Services& services, Dialer& dialer, Login login, std::string name, std::function<void()> on_refused)
    : services_(services),
      dialer_(dialer),
      login_(std::move(login)),
      local_(services.local),
      name_(std::move(name)),
      on_refused_(std::move(on_refused)),
      last_wanted_(services.clock.now()),
      wake_(services.executor) {}

Tunnel::~Tunnel() {
  local_.remove(name_);
}

Command Tunnel::command(std::string_view logged_in) const {
  // A UNIX socket's address is short, and its directory may be deep: ssh runs there.
  std::vector<std::string> words{
      "-F", "none", "-N", "-T", "-D", "/proc/self/cwd/" + name_, "-i", std::string(private_key), "-l", login_.user};
  std::vector<std::string> options{
      // Standard input and output are the connection.
      "ProxyCommand=-", "ExitOnForwardFailure=yes", "StreamLocalBindUnlink=yes", "StreamLocalBindMask=0177",
      // Tells that everything stands.
      "PermitLocalCommand=yes", fmt::format("LocalCommand=echo '{}' >&2", logged_in),
      // Nobody is there to be asked, and nothing of the user's own ssh is to be used.
      "LogLevel=ERROR", "BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none",
      "PreferredAuthentications=publickey", "ForwardAgent=no", "ForwardX11=no", "ControlMaster=no", "ControlPath=none",
      "AddKeysToAgent=no",
      // The server is known by its fingerprint alone, and looked up nowhere.
      "StrictHostKeyChecking=yes", "UserKnownHostsFile=none", "GlobalKnownHostsFile=none", "UpdateHostKeys=no",
      "CheckHostIP=no", "VerifyHostKeyDNS=no", "CanonicalizeHostname=no",
      "KnownHostsCommand=" + known_hosts_command(login_.fingerprint), "ServerAliveInterval=15",
      "ServerAliveCountMax=3"};
  if (!login_.host_key_algorithms.empty()) options.push_back("HostKeyAlgorithms=" + login_.host_key_algorithms);
  for (auto& option : options) {
    words.emplace_back("-o");
    words.push_back(std::move(option));
  }
  words.emplace_back("ptproxy");  // a name for a host that ssh never looks up
  return {"ssh", std::move(words), local_.directory()};
}

Awaitable<> Tunnel::supervise(std::shared_ptr<Tunnel> tunnel) {
  while (!tunnel->ended()) {
    tunnel->state_ = State::connecting;
    const auto why = co_await tunnel->attempt();
    co_await tunnel->rest(why);
  }
}

Awaitable<error_code> Tunnel::attempt() {
  auto wire = co_await within(services_.clock, login_limit, dialer_.dial(login_.server));
  if (!wire) co_return wire.error();
  const auto logged_in = "ptproxy: logged in " + to_hex(services_.random.bytes<16>());
  const auto ssh = command(logged_in);
  auto child = services_.processes->start(ssh);
  if (!child) {
    log::error("ssh: {}", child.error().text());
    co_return make_error_code(Errc::unsupported);
  }
  start_relay(services_.executor, services_.clock, std::move(*wire), (*child)->take_stdio());
  auto up = co_await within(services_.clock, login_limit, log_in(**child, logged_in));
  if (!up) co_return up.error();
  log::info("ssh: logged in");
  failures_ = 0;
  answer(State::up, {});
  for (;;) {
    auto line = co_await (*child)->next_line();
    if (!line) break;
    log::debug("ssh: {}", *line);
  }
  last_wanted_ = services_.clock.now();
  co_return error_code(asio::error::connection_reset);
}

Awaitable<Result<>> Tunnel::log_in(Child& child, const std::string& logged_in) {
  const auto denied = login_.user + "@ptproxy: Permission denied (";
  for (;;) {
    auto line = co_await child.next_line();
    if (!line) co_return line.error() == asio::error::eof ? make_error_code(Errc::handshake_failed) : line.error();
    if (*line == logged_in) co_return Result<>();
    log::info("ssh: {}", *line);
    // What follows may be anybody's words: whoever sits on the wire can say this, and newlines, before he is known.
    if (line->starts_with("Received disconnect from")) co_return make_error_code(Errc::handshake_failed);
    if (line->starts_with(denied)) co_return make_error_code(Errc::forbidden);
    if (line->starts_with("Host key verification failed")) co_return make_error_code(Errc::wrong_key);
  }
}

Awaitable<> Tunnel::rest(error_code why) {
  const auto now = services_.clock.now();
  wake_ = Bell(services_.executor);  // whoever rang before is answered now
  if (why == Errc::wrong_key) {
    log::warning("ssh: the server's host key is not the one of the fingerprint");
    answer(State::ended, Errc::forbidden);
  } else if (why == Errc::forbidden) {
    answer(State::refused, why);
    on_refused_();
    (void)co_await within(services_.clock, refused_rest, wake_.wait());
  } else if (now - last_wanted_ > unwanted_limit) {
    answer(State::ended, why);
  } else {
    answer(State::resting, why);
    const auto longest = std::min(shortest_rest * (1 << std::min(failures_++, most_doublings)), longest_rest);
    (void)co_await services_.clock.sleep_until(now + shortest_rest);
    if (waiters_.empty()) (void)co_await within(services_.clock, longest - shortest_rest, wake_.wait());
  }
}

void Tunnel::answer(State state, error_code why) {
  state_ = state;
  for (const auto& waiter : std::exchange(waiters_, {})) {
    waiter->answer = why;
    waiter->answered.ring();
  }
}

void Tunnel::try_now() {
  if (state_ == State::refused) wake_.ring();
}

std::optional<Clock::TimePoint> Tunnel::idle_since() const {
  if (state_ != State::refused && state_ != State::resting) return std::nullopt;
  return last_wanted_;
}

void Tunnel::give_up() {
  answer(State::ended, asio::error::no_buffer_space);
  wake_.ring();
}

Awaitable<Result<>> Tunnel::ready() {
  last_wanted_ = services_.clock.now();
  if (state_ == State::up) co_return Result<>();
  if (state_ == State::refused || state_ == State::ended) co_return make_error_code(Errc::forbidden);
  const auto waiter = waiters_.emplace_back(std::make_shared<Waiter>(services_.executor));
  if (state_ == State::resting) wake_.ring();
  auto rung = co_await waiter->answered.wait();
  waiters_.remove(waiter);
  if (!rung) co_return rung.error();
  if (waiter->answer) co_return waiter->answer;
  co_return Result<>();
}

Awaitable<Result<StreamPtr>> Tunnel::connect(Endpoint app) {
  auto up = co_await ready();
  if (!up) co_return up.error();
  const auto socket = local_.directory() / name_;
  auto stream = co_await services_.processes->dial(socket);
  if (!stream) co_return stream.error();
  UpstreamSocks5 request(std::move(app), std::nullopt, std::nullopt);
  // ssh closes without an answer where the server refuses.
  auto early = co_await run_handshake(**stream, services_.chunks, request);
  if (!early) co_return early.error();
  co_return with_early_bytes(std::move(*stream), std::move(*early), services_.chunks);
}

}  // namespace ptproxy::ssh
