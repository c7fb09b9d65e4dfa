#pragma once
/// \file
/// The client's side of a session: one stream as many requests.

#include "transports/meek/http_client.h"
#include "transports/meek/poll_schedule.h"
#include "transports/meek/position.h"
#include "transports/meek/session.h"

#include <memory>
#include <string>

namespace ptproxy::meek {

/// Asks again and again, as the schedule has it, with what there is to send, until one side ends. When HTTP connections
/// die or something on the way is out of order, it goes on where the server also keeps positions (position.h); with
/// other servers only where nothing can have arrived.
class Poller {
 public:
  /// How long a broken way to the server may last. A server forgets an idle session after 120 s.
  static constexpr std::chrono::seconds give_up_after{90};
  static constexpr std::chrono::seconds longest_retry_pause{10};
  /// A server that is too busy for the moment (429, 503) is asked again so often, and after such pauses.
  static constexpr int most_busy_answers = 10;
  static constexpr std::chrono::seconds busy_pause{30};
  /// A server is asked so often while the application takes nothing.
  static constexpr std::chrono::seconds hold_pause{30};
  /// What the application has left behind may take so long to be delivered.
  static constexpr std::chrono::seconds farewell_limit{20};
  /// Other servers cannot be told that the application has ended: they are asked for so long after their last byte.
  static constexpr std::chrono::seconds plain_farewell{15};

  Poller(Services& services, Dialer& dialer, Route route, std::optional<TlsSettings> tls);
  /// Reaches the server, without asking anything of it yet.
  Awaitable<Result<>> connect() { return http_.connect(); }
  /// Begins to ask. The session ends with the stream, or when the server is lost.
  static StreamPtr start(std::shared_ptr<Poller> poller);

 private:
  /// What the server has shown to be.
  enum class Server { unknown, plain, keeps_positions };

  static Awaitable<> run(std::shared_ptr<Poller> poller);
  Awaitable<> wait_for_turn();
  /// One exchange, repeated until it succeeds. How many bytes it moved, both ways.
  Awaitable<Result<std::size_t>> exchange();
  HttpRequest next_request() const;
  Result<std::size_t> take(const HttpRequest& request, const HttpResponse& response);
  Result<std::size_t> take_plain(const HttpRequest& request, const HttpResponse& response);
  Result<std::size_t> take_positioned(const HttpRequest& request, const HttpResponse& response, const Position& theirs);
  /// How long to rest before asking again; nullopt when that would be useless or unsafe.
  std::optional<Clock::Duration> patience(const Result<HttpResponse>& response, Clock::TimePoint began, int tries);
  bool has_something_to_say() const;
  bool is_leaving() const;
  bool is_done() const;
  void owner_closed();

  Services& services_;
  Session session_;
  HttpClient http_;
  std::string id_;
  PollSchedule schedule_;
  Server server_ = Server::unknown;
  bool probing_ = false;   // asks without a body what the server has, for an answer was lost
  bool end_told_ = false;  // the server knows that we have ended
  Clock::TimePoint last_moved_, closed_at_;
};

}  // namespace ptproxy::meek
