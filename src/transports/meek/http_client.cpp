#include "transports/meek/http_client.h"

#include "io/run_handshake.h"
#include "io/timing.h"
#include "transports/meek/session.h"
#include "transports/meek/tls_stream.h"

namespace ptproxy::meek {

HttpClient::HttpClient(Services& services, Dialer& dialer, Route route, std::optional<TlsSettings> tls)
    : services_(services), dialer_(dialer), route_(std::move(route)), tls_(std::move(tls)) {}

Awaitable<Result<>> HttpClient::connect() {
  if (wire_) co_return Result<>();
  auto opened = co_await within(services_.clock, connect_limit, open());
  if (!opened) co_return opened.error();
  wire_ = std::move(*opened);
  co_return Result<>();
}

Awaitable<Result<StreamPtr>> HttpClient::open() {
  auto wire = co_await dialer_.dial(route_.connect_to);
  if (!wire || !tls_) co_return wire;
  auto handshake = TlsHandshake::client(*tls_, route_.connect_to.host(), services_.clock.unix_seconds());
  co_return co_await secure(services_, std::move(*wire), std::move(handshake));
}

Awaitable<Result<HttpResponse>> HttpClient::exchange(const HttpRequest& request) {
  has_sent_ = false;
  auto connected = co_await connect();
  if (!connected) co_return connected.error();
  if (closed_) co_return error_code(asio::error::operation_aborted);
  has_sent_ = true;
  auto response = co_await within(services_.clock, exchange_limit, talk(request));
  if (!response || !response->keep_alive) wire_.reset();
  co_return response;
}

Awaitable<Result<HttpResponse>> HttpClient::talk(const HttpRequest& request) {
  ByteQueue out, in;
  append_request(out, request);
  auto sent = co_await write_all(*wire_, services_.chunks, out.view());
  out.drop_front(out.size());
  if (!sent) co_return sent.error();
  HttpResponseReader reader(most_body);
  for (;;) {
    auto heard = co_await wire_->read();
    if (!heard) {
      // Under TLS, an end that is not told by TLS may have been made by somebody on the way.
      const bool proper = tls_ ? heard.error() == TlsErrc::closed : heard.error() == asio::error::eof;
      auto last = proper ? reader.take_end() : Result<HttpResponse>(heard.error());
      if (last) co_return last;
      co_return error_code(asio::error::connection_reset);
    }
    in.append(std::as_const(*heard).bytes());
    auto response = reader.take(in);
    if (!response) co_return response.error();
    if (!*response) continue;
    // Nobody asked for more: the two sides disagree about where a response ends.
    if (!in.empty()) co_return make_error_code(Errc::bad_message);
    co_return std::move(**response);
  }
}

void HttpClient::close() {
  closed_ = true;
  if (wire_) wire_->close();
}

}  // namespace ptproxy::meek
