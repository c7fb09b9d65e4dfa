// Everything that an operator or an application writes as text.
#include <ptproxy/args.h>
#include <ptproxy/endpoint.h>

#include "fuzz/slices.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ptproxy;
  const auto text = as_text({data, size});
  if (auto args = parse_args(text)) {
    auto again = parse_args(to_args_text(*args));
    fuzz::require(again && *again == *args, "arguments change on their way through text");
  }
  (void)parse_json_args(text);
  (void)parse_server_options(text);
  (void)parse_client_options(text);
  if (auto endpoint = parse_endpoint(text, HostKind::literal_or_name, PortKind::any)) {
    auto again = parse_endpoint(endpoint->to_string(), HostKind::literal_or_name, PortKind::any);
    fuzz::require(again && *again == *endpoint, "an endpoint changes on its way through text");
  }
  return 0;
}
