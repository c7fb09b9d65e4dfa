#include "transports/meek/server_session.h"

#include <algorithm>

namespace ptproxy::meek {

Awaitable<std::optional<HttpResponse>> ServerSession::exchange(const HttpRequest& request,
                                                               std::optional<Position> theirs,
                                                               Clock::Duration turnaround) {
  last_used_ = clock_.now();
  if (!co_await take_turn()) co_return HttpResponse(503);
  const bool goes_on = co_await receive(request, theirs);
  if (goes_on && !(theirs && theirs->hold)) {
    const auto something = [this] {
      return !session_.outgoing().empty() || session_.has_ended() || session_.is_closed() || session_.has_failed();
    };
    co_await session_.wait_for(turnaround, something);
  }
  busy_ = false;
  free_.ring();
  last_used_ = clock_.now();
  if (!goes_on) co_return std::nullopt;
  co_return answer(theirs);
}

Awaitable<bool> ServerSession::take_turn() {
  while (busy_) {
    if (awaited_) co_return false;
    awaited_ = true;
    auto rung = co_await within(clock_, patience, free_.wait());
    awaited_ = false;
    if (!rung) co_return false;
  }
  busy_ = true;
  co_return true;
}

Awaitable<bool> ServerSession::receive(const HttpRequest& request, const std::optional<Position>& theirs) {
  auto fresh = request.body.view();
  if (theirs) {
    // Beyond what we know of: they talk about another session of the same name.
    if (theirs->sent > session_.received()) co_return false;
    if (theirs->received > session_.acknowledged() + session_.outgoing().size()) co_return false;
    fresh = fresh.subspan(std::min<std::uint64_t>(fresh.size(), session_.received() - theirs->sent));
    if (theirs->received > session_.acknowledged()) session_.acknowledge(theirs->received);
  }
  const auto has_room = [this] { return session_.has_room(); };
  if (!fresh.empty()) co_await session_.wait_for(patience, has_room);
  if (session_.has_failed()) co_return false;
  if (!fresh.empty() && !session_.has_room()) co_return theirs.has_value();  // who keeps positions sends it again
  session_.receive(fresh);
  if (theirs && theirs->end) session_.receive_end();
  co_return true;
}

std::optional<HttpResponse> ServerSession::answer(const std::optional<Position>& theirs) {
  const auto waiting = session_.outgoing();
  // A client that keeps no positions learns of the end only by this.
  const bool nothing_to_come = waiting.empty() && (session_.is_closed() || session_.has_ended());
  if (session_.has_failed() || (nothing_to_come && !(theirs && session_.has_ended()))) return std::nullopt;

  HttpResponse response;
  response.fields.add("Content-Type", "application/octet-stream");
  if (!(theirs && theirs->hold)) response.body.append(waiting.first(std::min(waiting.size(), most_body)));
  if (theirs) {
    Position ours(session_.acknowledged(), session_.received());
    ours.end = session_.has_ended() && response.body.size() == waiting.size();
    response.fields.add(std::string(Position::field), to_string(ours));
  } else {
    session_.acknowledge(session_.acknowledged() + response.body.size());
  }
  return response;
}

}  // namespace ptproxy::meek
