#pragma once
/// \file
/// A client's HTTP exchanges, one after the other.

#include <ptproxy/transport.h>

#include "transports/meek/route.h"
#include "wire/http1.h"
#include "wire/tls.h"

#include <optional>

namespace ptproxy::meek {

/// Has one connection, made when it is needed and kept for as long as both sides keep it. All references outlive it.
class HttpClient {
 public:
  static constexpr std::chrono::seconds connect_limit{60};
  /// From the request's first byte to the response's last. Our own server may take 45 s when everything is full.
  static constexpr std::chrono::seconds exchange_limit{60};

  /// `tls` where the route wants it.
  HttpClient(Services& services, Dialer& dialer, Route route, std::optional<TlsSettings> tls);
  /// Makes the connection, where there is none.
  Awaitable<Result<>> connect();
  /// After an error, or when the server closes, the connection is gone. Errc::bad_message and Errc::too_long are about
  /// what the server said; all others say that its answer was lost. `request` outlives the call.
  Awaitable<Result<HttpResponse>> exchange(const HttpRequest& request);
  /// Whether the last exchange got as far as sending something.
  bool has_sent() const { return has_sent_; }
  /// Ends an exchange that is under way, and begins no other.
  void close();
  const Route& route() const { return route_; }

 private:
  Awaitable<Result<StreamPtr>> open();
  Awaitable<Result<HttpResponse>> talk(const HttpRequest& request);

  Services& services_;
  Dialer& dialer_;
  Route route_;
  std::optional<TlsSettings> tls_;
  StreamPtr wire_;
  bool has_sent_ = false, closed_ = false;
};

}  // namespace ptproxy::meek
