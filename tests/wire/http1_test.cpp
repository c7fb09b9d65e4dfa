#include "wire/http1.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

namespace ptproxy {
namespace {

/// One line for each message, and how reading ended.
template <class Reader>
std::vector<std::string> read_in(Reader reader, std::string_view text, std::size_t first, std::size_t rest,
                                 bool ends = false);

std::string line_of(const HttpRequest& r) {
  return r.method + " " + r.target + " [" + std::string(r.fields.find("x-id").value_or("-")) + "] " +
         std::string(as_text(r.body.view())) + (r.keep_alive ? " goes on" : " last");
}
std::string line_of(const HttpResponse& r) {
  return std::to_string(r.status) + " [" + std::string(r.fields.find("x-id").value_or("-")) + "] " +
         std::string(as_text(r.body.view())) + (r.keep_alive ? " goes on" : " last");
}

template <class Reader>
std::vector<std::string> read_in(Reader reader, std::string_view text, std::size_t first, std::size_t rest, bool ends) {
  std::vector<std::string> lines;
  ByteQueue in;
  for (std::size_t size = std::max<std::size_t>(first, 1); !text.empty(); size = rest) {
    in.append(as_bytes(text.substr(0, size)));
    text.remove_prefix(std::min(size, text.size()));
    for (;;) {
      auto message = reader.take(in);
      if (!message) {
        lines.push_back(message.error().message());
        return lines;
      }
      if (!*message) break;
      lines.push_back(line_of(**message));
    }
  }
  if constexpr (requires { reader.take_end(); }) {
    if (ends) {
      auto last = reader.take_end();
      lines.push_back(last ? line_of(*last) : last.error().message());
    }
  }
  return lines;
}

/// Fails the test when some slicing reads otherwise.
template <class Reader>
std::vector<std::string> read(std::string_view text, bool ends = false, std::size_t longest_body = 100) {
  const auto whole = read_in(Reader(longest_body), text, text.size(), 1, ends);
  for (std::size_t cut = 1; cut < std::min<std::size_t>(text.size(), 600); ++cut)
    EXPECT_EQ(read_in(Reader(longest_body), text, cut, text.size(), ends), whole) << "cut at " << cut;
  for (std::size_t size = 1; size <= 7; ++size)
    EXPECT_EQ(read_in(Reader(longest_body), text, size, size, ends), whole) << "pieces of " << size;
  return whole;
}
const std::string too_long = make_error_code(Errc::too_long).message(),
                  bad = make_error_code(Errc::bad_message).message();

using ::testing::ElementsAre;

TEST(Http1Test, ReadsRequestsOneAfterTheOther) {
  EXPECT_THAT(read<HttpRequestReader>("POST /a?b HTTP/1.1\r\nHost: x\r\nX-ID: 7\r\nContent-Length: 3\r\n\r\nabc"
                                      "GET / HTTP/1.1\r\n\r\n"
                                      "POST / HTTP/1.0\r\nContent-Length: 1\r\nx-id:8\r\n\r\nd"),
              ElementsAre("POST /a?b [7] abc goes on", "GET / [-]  goes on", "POST / [8] d last"));
}

TEST(Http1Test, KnowsWhoWillGoOn) {
  EXPECT_THAT(read<HttpRequestReader>(
                  "GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.1\r\nConnection: close\r\n\r\n"),
              ElementsAre("GET /1 [-]  goes on", "GET /2 [-]  last"));
}

TEST(Http1Test, ReadsBodiesInChunks) {
  EXPECT_THAT(read<HttpRequestReader>(
                  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n"
                  "Trailer: t\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
              ElementsAre("POST / [-] abc0123456789 goes on", "GET / [-]  goes on"));
  EXPECT_THAT(read<HttpResponseReader>("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
              ElementsAre("200 [-] a goes on"));
}

TEST(Http1Test, ReadsResponsesByLengthAndByTheirEnd) {
  EXPECT_THAT(
      read<HttpResponseReader>("HTTP/1.1 200 OK\r\nX-Id: 1\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 204 No\r\n\r\n"
                               "HTTP/1.0 500 Oh\r\nX-Id: 2\r\n\r\nuntil the end",
                               true),
      ElementsAre("200 [1] ab goes on", "204 [-]  goes on", "500 [2] until the end last"));
}

TEST(Http1Test, PassesOverInterimResponses) {
  EXPECT_THAT(read<HttpResponseReader>("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX-Id: 1\r\n\r\nHTTP/1.1 200 "
                                       "OK\r\nContent-Length: 0\r\n\r\n"),
              ElementsAre("200 [-]  goes on"));
  std::string many;
  for (int i = 0; i < 9; ++i) many += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_THAT(read<HttpResponseReader>(many), ElementsAre(bad));
}

TEST(Http1Test, NoticesAResponseCutShort) {
  EXPECT_THAT(read<HttpResponseReader>("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", true), ElementsAre(bad));
  EXPECT_THAT(read<HttpResponseReader>("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", true),
              ElementsAre(bad));
  EXPECT_THAT(read<HttpResponseReader>("HTTP/1.1 200 OK\r\nConte", true), ElementsAre(bad));
  EXPECT_EQ(HttpResponseReader(9).take_end().error(), Errc::bad_message);
}

TEST(Http1Test, HoldsBodiesToTheirLimit) {
  EXPECT_THAT(read<HttpRequestReader>("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n12345", false, 5),
              ElementsAre("POST / [-] 12345 goes on"));
  EXPECT_THAT(read<HttpRequestReader>("POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\n123456", false, 5),
              ElementsAre(too_long));
  EXPECT_THAT(read<HttpRequestReader>(
                  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n", false, 5),
              ElementsAre(too_long));
  EXPECT_THAT(read<HttpResponseReader>("HTTP/1.1 200 OK\r\n\r\n123456", true, 5), ElementsAre(too_long));
}

TEST(Http1Test, HoldsHeadersToTheirLimit) {
  const std::string filler(longest_http_header, 'a');
  for (const std::string& text : {"GET /" + filler, "GET / HTTP/1.1\r\nA: " + filler, "GET / HTTP/1.1\r\n" + filler,
                                  "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + filler + filler}) {
    EXPECT_THAT(read_in(HttpRequestReader(9), text, text.size(), 1), ElementsAre(too_long)) << text.substr(0, 30);
    EXPECT_THAT(read_in(HttpRequestReader(9), text, 1000, 1000), ElementsAre(too_long)) << text.substr(0, 30);
  }
  std::string many = "GET / HTTP/1.1\r\n";
  while (many.size() < 4 * longest_http_header) many += "A: b\r\n";
  EXPECT_THAT(read_in(HttpRequestReader(9), many, 10, 10), ElementsAre(too_long));
}

TEST(Http1Test, RefusesWhatIsNoMessage) {
  for (const std::string text :
       {"GET / HTTP/2.0\r\n\r\n", "GET /\r\n\r\n", " GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n"})
    EXPECT_THAT(read<HttpRequestReader>(text), ElementsAre(bad)) << text;
}

TEST(Http1Test, WritesWhatItReads) {
  HttpRequest request("POST", "/x");
  request.fields.add("X-Id", "9").add("Host", "h");
  request.body.append(as_bytes("body"));
  ByteQueue out;
  append_request(out, request);
  EXPECT_EQ(as_text(out.view()), "POST /x HTTP/1.1\r\nX-Id: 9\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_THAT(read<HttpRequestReader>(as_text(out.view())), ElementsAre("POST /x [9] body goes on"));

  HttpResponse response(503);
  response.keep_alive = false;
  out.drop_front(out.size());
  append_response(out, response);
  EXPECT_EQ(as_text(out.view()), "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(read<HttpResponseReader>(as_text(out.view())), ElementsAre("503 [-]  last"));
}

}  // namespace
}  // namespace ptproxy
