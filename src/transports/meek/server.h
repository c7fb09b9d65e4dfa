#pragma once
/// \file
/// The meek server: many HTTP connections in, one stream per session out.

#include <ptproxy/transport.h>

#include "transports/meek/session_table.h"
#include "wire/tls.h"

namespace ptproxy::meek {

class ServerOptions {
 public:
  std::optional<TlsSettings> tls;  ///< `cert` and `key`: PEM files. Without them plain HTTP is spoken
  /// `trust-forwarded-for`: whoever connects is our own reverse proxy, and the first of these fields that holds an
  /// address tells the client's. None: nobody is believed.
  std::vector<std::string> trusted_fields;
  std::string path;  ///< `path`: the only one for sessions. Without it any will do
  Clock::Duration turnaround = std::chrono::milliseconds(10);  ///< `turnaround`: milliseconds, up to 5000
  std::size_t most_sessions = 4096;                            ///< `max-sessions`
};

Checked<ServerOptions> parse_server_options(const Args& options);

class Server final : public ServerTransport {
 public:
  /// For one request, and for one response; also how long a connection may be idle.
  static constexpr std::chrono::seconds http_limit{20};
  static constexpr std::chrono::seconds sweep_interval{60};
  static constexpr int most_connections = 8192;

  Server(Services& services, ServerOptions options)
      : services_(services),
        options_(std::move(options)),
        sessions_(options_.most_sessions, options_.trusted_fields.empty()) {}
  Awaitable<> serve(Listener& listener, OnStream on_stream) override;

 private:
  /// No response: the connection is broken off.
  class Answer {
   public:
    std::optional<HttpResponse> response;
    std::string fragile_id;  ///< the session that cannot go on if the response is lost
  };

  Awaitable<> greet(StreamPtr wire, OnStream on_stream);
  Awaitable<> converse(Stream& wire, const OnStream& on_stream);
  Awaitable<Result<HttpRequest>> next_request(Stream& wire, HttpRequestReader& reader, ByteQueue& in);
  Awaitable<bool> say(Stream& wire, HttpResponse response);
  Awaitable<Answer> answer(const HttpRequest& request, const std::optional<Endpoint>& peer, const OnStream& on_stream);
  Awaitable<Answer> transact(const HttpRequest& request, const std::optional<Endpoint>& peer,
                             const OnStream& on_stream);
  Answer gone(bool keeps_positions) const;
  std::shared_ptr<ServerSession> open(const std::string& id, std::optional<Endpoint> client, const OnStream& on_stream);
  std::optional<Endpoint> client_of(const HttpRequest& request, const std::optional<Endpoint>& peer) const;
  Awaitable<> sweep();

  Services& services_;
  ServerOptions options_;
  SessionTable sessions_;
  int connections_ = 0;
  bool sweeping_ = false;
};

}  // namespace ptproxy::meek
