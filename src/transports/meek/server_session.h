#pragma once
/// \file
/// The server's side of a session: what one request brings and takes.

#include "transports/meek/position.h"
#include "transports/meek/session.h"
#include "wire/http1.h"

namespace ptproxy::meek {

class ServerSession {
 public:
  /// A request waits so long for the one before it, and for room for its body.
  static constexpr std::chrono::seconds patience{20};

  ServerSession(Executor executor, ChunkPool& chunks, Clock& clock, std::optional<Endpoint> client)
      : clock_(clock),
        session_(executor, chunks, clock, client),
        client_(std::move(client)),
        free_(executor),
        last_used_(clock.now()) {}

  /// Takes the request's body, and answers with what there is to send, after waiting up to `turnaround` for something.
  /// One request at a time. nullopt: the session is over. `request` and this outlive the call.
  Awaitable<std::optional<HttpResponse>> exchange(const HttpRequest& request, std::optional<Position> theirs,
                                                  Clock::Duration turnaround);
  Session& session() { return session_; }
  const std::optional<Endpoint>& client() const { return client_; }
  bool is_busy() const { return busy_; }
  Clock::TimePoint last_used() const { return last_used_; }

 private:
  Awaitable<bool> take_turn();
  Awaitable<bool> receive(const HttpRequest& request, const std::optional<Position>& theirs);
  std::optional<HttpResponse> answer(const std::optional<Position>& theirs);

  Clock& clock_;
  Session session_;
  std::optional<Endpoint> client_;
  Bell free_;
  bool busy_ = false, awaited_ = false;
  Clock::TimePoint last_used_;
};

}  // namespace ptproxy::meek
