#include "fuzz/slices.h"
#include "wire/socks_server.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ptproxy;
  fuzz::whole_equals_slices([] { return std::make_unique<SocksServer>(true); }, {data, size});
  return 0;
}
