// What an upstream proxy answers, in each of the three protocols, and the URI that names one.
#include <ptproxy/upstream_proxy.h>

#include "fuzz/slices.h"
#include "wire/http_connect.h"
#include "wire/upstream_socks4a.h"
#include "wire/upstream_socks5.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ptproxy;
  const Endpoint to("bridge.example", 443);
  const ByteView bytes(data, size);
  fuzz::whole_equals_slices([&] { return std::make_unique<HttpConnect>(to, "user", "password"); }, bytes);
  fuzz::whole_equals_slices([&] { return std::make_unique<UpstreamSocks5>(to, "user", "password"); }, bytes);
  fuzz::whole_equals_slices([&] { return std::make_unique<UpstreamSocks4a>(to, "user"); }, bytes);
  (void)parse_upstream_proxy(as_text(bytes));
  return 0;
}
