// What meek's two sides read: requests, responses, and the values in them.
#include "fuzz/slices.h"
#include "transports/meek/position.h"
#include "transports/meek/route.h"
#include "wire/http1.h"

#include <fmt/format.h>

#include <string>

namespace {

using namespace ptproxy;

constexpr std::size_t longest_body = 300;

void add(std::string& told, const HttpRequest& request) {
  told += request.method + " " + request.target;
}
void add(std::string& told, const HttpResponse& response) {
  told += std::to_string(response.status);
}

/// Everything that was read. A bad header may be noticed before or at its end: that is not told.
template <class Reader>
std::string read_all(Reader reader, ByteView bytes, std::size_t piece) {
  std::string told;
  ByteQueue in;
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(piece, bytes.size()));
    in.append(part);
    bytes = bytes.subspan(part.size());
    for (;;) {
      auto message = reader.take(in);
      if (!message) return told;
      if (!*message) break;
      add(told, **message);
      for (const auto& [name, value] : (*message)->fields.all()) told += fmt::format("|{}:{}", name, value);
      told += fmt::format("|{}{}\n", as_text((*message)->body.view()), (*message)->keep_alive ? '+' : '-');
      fuzz::require((*message)->body.size() <= longest_body, "a body passed its limit");
    }
  }
  if constexpr (requires { reader.take_end(); }) {
    if (const auto last = reader.take_end()) told += std::string(as_text(last->body.view())) + "end";
  }
  return told;
}

template <class Reader>
void whole_equals_pieces(ByteView bytes) {
  const auto whole = read_all(Reader(longest_body), bytes, bytes.size() + 1);
  for (const std::size_t piece : {1u, 3u})
    fuzz::require(read_all(Reader(longest_body), bytes, piece) == whole,
                  "the pieces read as something else than the whole");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  whole_equals_pieces<HttpRequestReader>(bytes);
  whole_equals_pieces<HttpResponseReader>(bytes);
  if (const auto position = meek::parse_position(as_text(bytes)))
    fuzz::require(meek::parse_position(meek::to_string(*position)) == position, "a position is not what was written");
  const std::string text(as_text(bytes));
  if (const auto route = meek::parse_route(Args().add("url", text))) {
    for (const auto& part : {route->host_header, route->target, route->connect_to.host()})
      for (const char c : part) fuzz::require(c > 0x20 && c < 0x7f, "a url may write headers");
  }
  (void)meek::parse_route(Args().add("url", "https://a/").add("front", text));
  return 0;
}
