#pragma once
/// \file
/// HTTP/1.0 and 1.1 messages as values (RFC 9110, RFC 9112), with bodies that fit into memory.

#include <ptproxy/bytes.h>
#include <ptproxy/result.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ptproxy {

/// Header fields in the order in which they stand. Names are equal in any case.
class HttpFields {
 public:
  using Field = std::pair<std::string, std::string>;
  HttpFields& add(std::string name, std::string value);
  /// The first value of `name`; valid as long as these fields are not changed.
  std::optional<std::string_view> find(std::string_view name) const;
  const std::vector<Field>& all() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

/// A request with all of its body. `fields` of one to be sent name neither Content-Length nor Connection.
class HttpRequest {
 public:
  HttpRequest() = default;
  HttpRequest(std::string method, std::string target) : method(std::move(method)), target(std::move(target)) {}
  std::string method, target;
  HttpFields fields;
  ByteQueue body;
  /// The sender will send another one on this connection.
  bool keep_alive = true;
};

/// A response with all of its body. `fields` of one to be sent name neither Content-Length nor Connection.
class HttpResponse {
 public:
  explicit HttpResponse(unsigned status = 200) : status(status) {}
  unsigned status;
  HttpFields fields;
  ByteQueue body;
  /// The connection may carry another exchange.
  bool keep_alive = true;
};

/// Says it in HTTP/1.1, always with a Content-Length. Values must hold no line breaks.
void append_request(ByteQueue& out, const HttpRequest& request);
void append_response(ByteQueue& out, const HttpResponse& response);

inline constexpr std::size_t longest_http_header = 16 * 1024;

/// Reads one request after the other, whatever pieces they come in.
class HttpRequestReader {
 public:
  explicit HttpRequestReader(std::size_t longest_body);
  HttpRequestReader(HttpRequestReader&&) noexcept;
  ~HttpRequestReader();
  /// The next request once all of it is there; what follows it stays in `in`. Errc::too_long for a header above
  /// longest_http_header or a body above the limit, Errc::bad_message for what is no HTTP/1. Not called again after an
  /// error.
  Result<std::optional<HttpRequest>> take(ByteQueue& in);

 private:
  class Parser;
  std::size_t longest_body_;
  std::unique_ptr<Parser> parser_;
};

/// Reads one response after the other. Interim ones (1xx) are passed over.
class HttpResponseReader {
 public:
  explicit HttpResponseReader(std::size_t longest_body);
  HttpResponseReader(HttpResponseReader&&) noexcept;
  ~HttpResponseReader();
  /// As HttpRequestReader::take. A response without a length is there when take_end() says so.
  Result<std::optional<HttpResponse>> take(ByteQueue& in);
  /// The peer has ended the connection: the response that had no other end. Errc::bad_message when one is cut short.
  Result<HttpResponse> take_end();

 private:
  class Parser;
  std::size_t longest_body_;
  int interim_ = 0;  // in a row
  std::unique_ptr<Parser> parser_;
};

}  // namespace ptproxy
