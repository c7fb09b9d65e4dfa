#include "wire/http1.h"

#include <fmt/format.h>

#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <iterator>

namespace ptproxy {
namespace {

namespace http = boost::beast::http;

constexpr int most_interim_responses = 8;

/// Collects a body as it comes. Reserves nothing for what is only announced.
class QueueBody {
 public:
  using value_type = ByteQueue;
  class reader {
   public:
    template <bool is_request, class F>
    reader(http::header<is_request, F>&, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>&, error_code& ec) { ec = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& ec) {
      ec = {};
      std::size_t taken = 0;
      for (const auto buffer : boost::beast::buffers_range_ref(buffers)) {
        body_.append(ByteView(static_cast<const Byte*>(buffer.data()), buffer.size()));
        taken += buffer.size();
      }
      return taken;
    }
    void finish(error_code& ec) { ec = {}; }

   private:
    value_type& body_;
  };
};

template <bool is_request>
class MessageParser {
 public:
  explicit MessageParser(std::size_t longest_body) {
    parser_.eager(true);
    parser_.header_limit(longest_http_header);
    parser_.body_limit(longest_body);
  }
  Result<> feed(ByteQueue& in) {
    while (!parser_.is_done() && !in.empty()) {
      error_code ec;
      const auto taken = parser_.put(boost::asio::const_buffer(in.view().data(), in.size()), ec);
      in.drop_front(taken);
      if (ec == http::error::need_more) {
        // Where a whole line is wanted before any of it is taken, it may not grow for ever.
        if (in.size() > longest_http_header) return make_error_code(Errc::too_long);
        return {};
      }
      if (ec == http::error::header_limit || ec == http::error::body_limit) return make_error_code(Errc::too_long);
      if (ec) return make_error_code(Errc::bad_message);
    }
    return {};
  }
  bool is_done() const { return parser_.is_done(); }
  Result<> end() {
    error_code ec;
    if (!parser_.got_some()) return make_error_code(Errc::bad_message);
    parser_.put_eof(ec);
    if (ec) return make_error_code(Errc::bad_message);
    return {};
  }
  /// What both kinds have in common.
  template <class Message>
  void fill(Message& message) {
    for (const auto& field : parser_.get())
      message.fields.add(std::string(field.name_string()), std::string(field.value()));
    message.keep_alive = parser_.keep_alive();
    message.body = std::move(parser_.get().body());
  }
  const auto& head() const { return parser_.get(); }

 private:
  http::parser<is_request, QueueBody> parser_;
};

bool equal_in_any_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

template <class Message>
void append_rest(ByteQueue& out, std::string head, const Message& message) {
  for (const auto& [name, value] : message.fields.all())
    fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
  fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n{}\r\n", message.body.size(),
                 message.keep_alive ? "" : "Connection: close\r\n");
  out.append(as_bytes(head));
  out.append(message.body.view());
}

}  // namespace

HttpFields& HttpFields::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
  return *this;
}

std::optional<std::string_view> HttpFields::find(std::string_view name) const {
  for (const auto& [key, value] : fields_)
    if (equal_in_any_case(key, name)) return value;
  return std::nullopt;
}

void append_request(ByteQueue& out, const HttpRequest& request) {
  append_rest(out, fmt::format("{} {} HTTP/1.1\r\n", request.method, request.target), request);
}

void append_response(ByteQueue& out, const HttpResponse& response) {
  const auto reason = http::obsolete_reason(http::int_to_status(response.status));
  append_rest(out, fmt::format("HTTP/1.1 {} {}\r\n", response.status, std::string_view(reason)), response);
}

class HttpRequestReader::Parser : public MessageParser<true> {
  using MessageParser::MessageParser;
};

HttpRequestReader::HttpRequestReader(std::size_t longest_body) : longest_body_(longest_body) {}
HttpRequestReader::HttpRequestReader(HttpRequestReader&&) noexcept = default;
HttpRequestReader::~HttpRequestReader() = default;

Result<std::optional<HttpRequest>> HttpRequestReader::take(ByteQueue& in) {
  if (in.empty()) return std::nullopt;
  if (!parser_) parser_ = std::make_unique<Parser>(longest_body_);
  const auto fed = parser_->feed(in);
  if (!fed) return fed.error();
  if (!parser_->is_done()) return std::nullopt;
  HttpRequest request{std::string(parser_->head().method_string()), std::string(parser_->head().target())};
  parser_->fill(request);
  parser_.reset();
  return request;
}

class HttpResponseReader::Parser : public MessageParser<false> {
  using MessageParser::MessageParser;
};

HttpResponseReader::HttpResponseReader(std::size_t longest_body) : longest_body_(longest_body) {}
HttpResponseReader::HttpResponseReader(HttpResponseReader&&) noexcept = default;
HttpResponseReader::~HttpResponseReader() = default;

Result<std::optional<HttpResponse>> HttpResponseReader::take(ByteQueue& in) {
  while (!in.empty()) {
    if (!parser_) parser_ = std::make_unique<Parser>(longest_body_);
    const auto fed = parser_->feed(in);
    if (!fed) return fed.error();
    if (!parser_->is_done()) return std::nullopt;
    HttpResponse response(parser_->head().result_int());
    parser_->fill(response);
    parser_.reset();
    if (response.status >= 200) {
      interim_ = 0;
      return response;
    }
    if (++interim_ > most_interim_responses) return make_error_code(Errc::bad_message);
  }
  return std::nullopt;
}

Result<HttpResponse> HttpResponseReader::take_end() {
  if (!parser_) return make_error_code(Errc::bad_message);
  auto ended = parser_->end();
  if (!ended) return ended.error();
  HttpResponse response(parser_->head().result_int());
  parser_->fill(response);
  response.keep_alive = false;
  parser_.reset();
  return response;
}

}  // namespace ptproxy
