#include "transports/meek/server.h"

#include <ptproxy/log.h>

#include "io/run_handshake.h"
#include "io/spawn.h"
#include "transports/meek/tls_stream.h"

#include <array>
#include <ctime>

namespace ptproxy::meek {
namespace {

constexpr std::string_view page = "It works!\n";
// A reverse proxy that forwards bodies in pieces may be one byte beyond before it notices.
constexpr std::size_t longest_request_body = most_body + 1;
constexpr std::chrono::seconds last_words_limit{2};

HttpResponse text_response(unsigned status, std::string_view text) {
  HttpResponse response(status);
  response.fields.add("Content-Type", "text/plain; charset=utf-8");
  response.body.append(as_bytes(text));
  return response;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

/// IMF-fixdate (RFC 9110 section 5.6.7).
std::string http_date(std::int64_t unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm time{};
  gmtime_r(&seconds, &time);
  std::array<char, 40> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &time)};
}

}  // namespace

Awaitable<> Server::serve(Listener& listener, OnStream on_stream) {
  for (;;) {
    auto wire = co_await listener.accept();
    if (!wire) co_return;
    if (connections_ >= most_connections) continue;
    ++connections_;
    spawn(services_.executor, "meek connection", greet(std::move(*wire), on_stream), [this] { --connections_; });
  }
}

Awaitable<> Server::greet(StreamPtr wire, OnStream on_stream) {
  if (options_.tls) {
    auto handshake = TlsHandshake::server(*options_.tls);
    auto secured =
        co_await within(services_.clock, http_limit, secure(services_, std::move(wire), std::move(handshake)));
    if (!secured) log::info("meek: a TLS handshake failed: {}", secured.error().message());
    wire = secured ? std::move(*secured) : nullptr;
  }
  if (wire) co_await converse(*wire, on_stream);
}

Awaitable<> Server::converse(Stream& wire, const OnStream& on_stream) {
  const auto peer = wire.peer();
  HttpRequestReader reader(longest_request_body);
  ByteQueue in;
  for (bool goes_on = true; goes_on;) {
    auto request = co_await within(services_.clock, http_limit, next_request(wire, reader, in));
    Answer reply;
    if (request) {
      reply = co_await answer(*request, peer, on_stream);
      if (!reply.response) co_return wire.close();
      goes_on = request->keep_alive;
    } else {
      const auto why = request.error();
      if (why != Errc::too_long && why != Errc::bad_message) co_return;
      reply.response = HttpResponse(why == Errc::too_long ? 413 : 400);
      goes_on = false;
    }
    reply.response->keep_alive = goes_on;
    if (!co_await say(wire, std::move(*reply.response))) {
      if (!reply.fragile_id.empty()) sessions_.bury(reply.fragile_id, services_.clock.now());
      co_return;
    }
  }
  // Closed with unread bytes in it, the connection would be reset, and the peer might never see the response.
  wire.shutdown_write();
  (void)co_await within(services_.clock, last_words_limit, swallow(wire));
}

Awaitable<Result<HttpRequest>> Server::next_request(Stream& wire, HttpRequestReader& reader, ByteQueue& in) {
  for (;;) {
    auto request = reader.take(in);
    if (!request) co_return request.error();
    if (*request) co_return std::move(**request);
    auto heard = co_await wire.read();
    if (!heard) co_return heard.error();
    in.append(std::as_const(*heard).bytes());
  }
}

Awaitable<bool> Server::say(Stream& wire, HttpResponse response) {
  response.fields.add("Date", http_date(services_.clock.unix_seconds()));
  ByteQueue out;
  append_response(out, response);
  auto sent = co_await within(services_.clock, http_limit, write_all(wire, services_.chunks, out.view()));
  co_return static_cast<bool>(sent);
}

Awaitable<Server::Answer> Server::answer(const HttpRequest& request, const std::optional<Endpoint>& peer,
                                         const OnStream& on_stream) {
  const auto path = path_of(request.target);
  if (request.method == "POST" &&
      (options_.path.empty() || equal_in_constant_time(as_bytes(path), as_bytes(options_.path))))
    co_return co_await transact(request, peer, on_stream);
  Answer reply;
  if (request.method == "GET" && path == "/")
    reply.response = text_response(200, page);
  else if (request.method == "GET" || request.method == "POST")
    reply.response = text_response(404, "Not found\n");
  else
    reply.response = text_response(400, "Bad request\n");
  co_return reply;
}

Awaitable<Server::Answer> Server::transact(const HttpRequest& request, const std::optional<Endpoint>& peer,
                                           const OnStream& on_stream) {
  Answer reply;
  const std::string id(request.fields.find("X-Session-Id").value_or(""));
  const auto told = request.fields.find(Position::field);
  const auto theirs = told ? parse_position(*told) : std::nullopt;
  if (!SessionTable::is_valid_id(id) || (told && !theirs)) {
    reply.response = text_response(400, "Bad request\n");
    co_return reply;
  }
  auto session = sessions_.find(id);
  const bool is_new = !session;
  if (is_new) {
    // A name that we do not know any more, or that has come far without us, must not become another stream in mid-flow.
    if ((theirs && !theirs->at_start()) || sessions_.is_buried(id, services_.clock.now()))
      co_return gone(theirs.has_value());
    auto client = client_of(request, peer);
    if (sessions_.is_full_for(client)) {
      log::info("meek: no room for another session");
      reply.response = text_response(503, "Service unavailable\n");
      co_return reply;
    }
    session = open(id, std::move(client), on_stream);
  }
  reply.response = co_await session->exchange(request, theirs, options_.turnaround);
  if (!reply.response) {
    if (is_new) {
      sessions_.remove(id);
      if (!theirs) reply.response = text_response(500, "Internal server error\n");
      co_return reply.response ? std::move(reply) : gone(true);
    }
    sessions_.bury(id, services_.clock.now());
    co_return gone(theirs.has_value());
  }
  reply.response->fields.add("Cache-Control", "no-store");
  if (!theirs) reply.fragile_id = id;
  co_return reply;
}

/// A client that keeps no positions, and takes every other answer for a reason to try again, has to lose its
/// connection; unless that would only be the one to a reverse proxy.
Server::Answer Server::gone(bool keeps_positions) const {
  Answer reply;
  if (keeps_positions)
    reply.response = text_response(410, "Gone\n");
  else if (!options_.trusted_fields.empty())
    reply.response = text_response(404, "Not found\n");
  return reply;
}

std::shared_ptr<ServerSession> Server::open(const std::string& id, std::optional<Endpoint> client,
                                            const OnStream& on_stream) {
  auto session =
      std::make_shared<ServerSession>(services_.executor, services_.chunks, services_.clock, std::move(client));
  sessions_.add(id, session);
  on_stream(std::make_unique<SessionStream>(std::shared_ptr<Session>(session, &session->session())));
  if (!sweeping_) {
    sweeping_ = true;
    spawn(services_.executor, "meek sessions", sweep());
  }
  return session;
}

std::optional<Endpoint> Server::client_of(const HttpRequest& request, const std::optional<Endpoint>& peer) const {
  // Many connections make one session: no port is the client's, and 1 stands for that.
  for (const auto& field : options_.trusted_fields) {
    const auto value = request.fields.find(field).value_or("");
    Endpoint client{std::string(trimmed(value.substr(0, value.find(',')))), 1};
    if (client.is_literal()) return client;
  }
  if (!peer) return std::nullopt;
  return Endpoint(peer->host(), 1);
}

/// Runs for as long as there are sessions.
Awaitable<> Server::sweep() {
  while (!sessions_.empty()) {
    auto slept = co_await services_.clock.sleep_until(services_.clock.now() + sweep_interval);
    if (!slept) break;
    sessions_.expire(services_.clock.now());
  }
  sweeping_ = false;
}

}  // namespace ptproxy::meek
