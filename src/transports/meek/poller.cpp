#include "transports/meek/poller.h"

#include <ptproxy/log.h>

#include "io/spawn.h"

#include <algorithm>

namespace ptproxy::meek {
namespace {

constexpr std::chrono::milliseconds first_retry_pause{100};

// Where the server has no room for us at the moment, the request has not been worked on.
constexpr bool is_busy(unsigned status) {
  return status == 408 || status == 429 || status == 503;
}

constexpr bool is_final(unsigned status) {
  return status == 404 || status == 410;
}

/// A gateway lost sight of the server, after the request may have gone there.
constexpr bool is_lost(unsigned status) {
  return status == 502 || status == 504;
}

/// The first retry comes at once.
Clock::Duration retry_pause(int tries) {
  if (tries <= 1) return Clock::Duration::zero();
  return std::min<Clock::Duration>(first_retry_pause * (1 << std::min(tries - 2, 10)), Poller::longest_retry_pause);
}

ByteView first_of(ByteView bytes) {
  return bytes.first(std::min(bytes.size(), most_body));
}

}  // namespace

Poller::Poller(Services& services, Dialer& dialer, Route route, std::optional<TlsSettings> tls)
    : services_(services),
      session_(services.executor, services.chunks, services.clock),
      http_(services, dialer, std::move(route), std::move(tls)),
      id_(to_hex(services.random.bytes<16>())),
      last_moved_(services.clock.now()) {}

StreamPtr Poller::start(std::shared_ptr<Poller> poller) {
  auto* const raw = poller.get();
  // Only the stream, which keeps the poller, calls this.
  raw->session_.on_close([raw] { raw->owner_closed(); });
  auto stream = std::make_unique<SessionStream>(std::shared_ptr<Session>(poller, &raw->session_));
  spawn(raw->services_.executor, "meek session", run(std::move(poller)));
  return stream;
}

Awaitable<> Poller::run(std::shared_ptr<Poller> poller) {
  auto& self = *poller;
  for (;;) {
    co_await self.wait_for_turn();
    if (self.is_leaving()) break;
    auto moved = co_await self.exchange();
    if (!moved) {
      if (!self.is_leaving()) log::info("meek: a session was lost: {}", moved.error().message());
      self.session_.fail(moved.error());
      break;
    }
    self.schedule_.exchanged(*moved > 0);
    if (*moved > 0) self.last_moved_ = self.services_.clock.now();
    if (self.is_done()) {
      self.session_.receive_end();
      break;
    }
  }
  self.http_.close();
}

bool Poller::has_something_to_say() const {
  return !session_.outgoing().empty() || (session_.has_ended() && !end_told_ && server_ != Server::plain);
}

bool Poller::is_leaving() const {
  if (!session_.is_closed()) return false;
  return !session_.has_ended() || !has_something_to_say() || services_.clock.now() >= closed_at_ + farewell_limit;
}

bool Poller::is_done() const {
  if (server_ == Server::keeps_positions) return end_told_ && session_.has_received_end();
  return session_.has_ended() && session_.outgoing().empty() && services_.clock.now() >= last_moved_ + plain_farewell;
}

void Poller::owner_closed() {
  closed_at_ = services_.clock.now();
  if (is_leaving()) http_.close();
}

Awaitable<> Poller::wait_for_turn() {
  if (session_.has_room()) {
    const auto wanted = [this] { return is_leaving() || has_something_to_say(); };
    co_await session_.wait_for(schedule_.pause(), wanted);
  } else if (server_ == Server::keeps_positions) {
    const auto wanted = [this] { return is_leaving() || has_something_to_say() || session_.has_room(); };
    co_await session_.wait_for(hold_pause, wanted);
  } else {
    // Whatever is asked brings bytes that nobody would keep for us.
    const auto wanted = [this] { return is_leaving() || session_.has_room(); };
    while (!wanted()) co_await session_.wait_for(hold_pause, wanted);
  }
}

Awaitable<Result<std::size_t>> Poller::exchange() {
  const auto began = services_.clock.now();
  for (int tries = 1;; ++tries) {
    const HttpRequest request = next_request();
    auto response = co_await http_.exchange(request);
    if (response && response->status == 200) {
      auto taken = take(request, *response);
      if (taken || taken.error() != asio::error::try_again) co_return taken;
    }
    if (is_leaving()) co_return error_code(asio::error::operation_aborted);
    const auto rest = patience(response, began, tries);
    if (!rest) co_return response ? error_code(asio::error::connection_reset) : response.error();
    const auto leaving = [this] { return is_leaving(); };
    co_await session_.wait_for(*rest, leaving);
    if (is_leaving()) co_return error_code(asio::error::operation_aborted);
  }
}

HttpRequest Poller::next_request() const {
  HttpRequest request("POST", http_.route().target);
  if (!probing_) request.body.append(first_of(session_.outgoing()));
  request.fields.add("Host", http_.route().host_header).add("X-Session-Id", id_);
  if (server_ == Server::plain) return request;
  Position ours(session_.acknowledged(), session_.received());
  ours.end = session_.has_ended() && request.body.size() == session_.outgoing().size();
  ours.hold = !session_.has_room();
  request.fields.add(std::string(Position::field), to_string(ours));
  return request;
}

Result<std::size_t> Poller::take(const HttpRequest& request, const HttpResponse& response) {
  // We did not ask for it, and would pass it on as it is.
  const auto encoding = response.fields.find("Content-Encoding");
  if (encoding && *encoding != "identity") return make_error_code(Errc::bad_message);
  const auto told = response.fields.find(Position::field);
  if (!told || server_ == Server::plain) return take_plain(request, response);
  const auto theirs = parse_position(*told);
  if (!theirs) return make_error_code(Errc::bad_message);
  return take_positioned(request, response, *theirs);
}

Result<std::size_t> Poller::take_plain(const HttpRequest& request, const HttpResponse& response) {
  // Somebody on the way said this in the server's stead.
  if (server_ == Server::keeps_positions) return error_code(asio::error::try_again);
  // What became of the request whose answer was lost, this server cannot say.
  if (probing_) return error_code(asio::error::connection_reset);
  server_ = Server::plain;
  session_.acknowledge(session_.acknowledged() + request.body.size());
  session_.receive(response.body.view());
  return request.body.size() + response.body.size();
}

Result<std::size_t> Poller::take_positioned(const HttpRequest& request, const HttpResponse& response,
                                            const Position& theirs) {
  const auto sent_before = session_.acknowledged(), received_before = session_.received();
  const auto all_sent = sent_before + session_.outgoing().size();
  if (theirs.received < sent_before || theirs.received > all_sent || theirs.sent > received_before)
    return make_error_code(Errc::bad_message);
  server_ = Server::keeps_positions;
  probing_ = false;
  session_.acknowledge(theirs.received);
  const auto ours = parse_position(request.fields.find(Position::field).value_or(""));
  end_told_ |= ours && ours->end && theirs.received == ours->sent + request.body.size();

  const auto known = received_before - theirs.sent;
  const auto body = response.body.view();
  if (known <= body.size() && !(ours && ours->hold)) {
    session_.receive(body.subspan(known));
    if (theirs.end) session_.receive_end();
  }
  return static_cast<std::size_t>(session_.acknowledged() - sent_before + session_.received() - received_before);
}

std::optional<Clock::Duration> Poller::patience(const Result<HttpResponse>& response, Clock::TimePoint began,
                                                int tries) {
  if (!response && response.error() == asio::error::operation_aborted) return std::nullopt;
  if (response && is_final(response->status)) return std::nullopt;
  const bool too_late = services_.clock.now() >= began + give_up_after;
  if (server_ == Server::keeps_positions) return too_late ? std::nullopt : std::optional(retry_pause(tries));
  if (response && is_busy(response->status))
    return tries > most_busy_answers ? std::nullopt : std::optional<Clock::Duration>(busy_pause);
  if (too_late) return std::nullopt;
  if (!response && !http_.has_sent()) return retry_pause(tries);
  if (!response && (response.error() == Errc::bad_message || response.error() == Errc::too_long)) return std::nullopt;
  if (server_ == Server::unknown && (!response || is_lost(response->status))) {
    probing_ = true;
    return retry_pause(tries);
  }
  return std::nullopt;
}

}  // namespace ptproxy::meek
