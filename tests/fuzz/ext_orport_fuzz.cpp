#include "fuzz/slices.h"
#include "wire/ext_orport.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ptproxy;
  const ByteView bytes(data, size);
  fuzz::whole_equals_slices(
      [] { return std::make_unique<ExtOrPort>(Secret<32>(), ByteArray<32>{}, Endpoint("192.0.2.1", 1), "obfs4"); },
      bytes);
  (void)parse_or_port_cookie(bytes);
  return 0;
}
