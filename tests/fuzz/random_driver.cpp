// Runs a fuzz target without libFuzzer: random inputs, and small changes of seeds that come close to real messages.
// Keeps the targets compiling and honest where there is no clang; scripts/fuzz looks deeper.
#include <ptproxy/random.h>

#include "fuzz/slices.h"

#include <cstdlib>
#include <string>

namespace {

using namespace ptproxy;

// First words of the protocols that the targets read.
const std::string_view seeds[] = {
    std::string_view("\x05\x01\x00\x05\x01\x00\x03\x07"
                     "a.b.com\x01\xbb",
                     17),
    std::string_view("\x05\x02\x00\x02\x01\x03k=v\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50", 22),
    std::string_view("\x05\x01\x80{\"k\":\"v\"}\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50", 22),
    std::string_view("\x05\x01\x09\x00\x00\x00\x09{\"k\":\"v\"}\x05\x01\x00\x04", 20),
    std::string_view("\x04\x01\x00\x50\x00\x00\x00\x01user\x00host\x00", 18),
    "HTTP/1.1 200 OK\r\nServer: x\r\n\r\nearly",
    std::string_view("\x01\x00\x00\x00\x10\x00\x00\x00", 8),
    "obfs4:cert=a\\=b;obfs4:iat-mode=0;dummy:x=y",
    "{\"obfs4\":{\"cert\":\"x\",\"iat-mode\":1,\"l\":[1,true,null]}}",
    "socks5://us:er@x:pa/s%41:w@127.0.0.1:8001",
    "[2001:db8::1]:443",
    "POST /x?y HTTP/1.1\r\nX-Session-Id: 12345678\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: t\r\n\r\nHTTP/1.0 500 Oh\r\n\r\nrest",
    "https://meek.example:8443/a/b?c=d",
};

Bytes make_input(Random& random) {
  Bytes input;
  if (random.below(2) == 0) {
    const auto seed = as_bytes(seeds[random.below(std::size(seeds))]);
    input.assign(seed.begin(), seed.end());
  }
  for (auto changes = random.below(6); changes > 0; --changes) {
    const auto at = input.begin() + random.below(static_cast<std::uint32_t>(input.size()) + 1);
    const auto byte = random.bytes<1>()[0];
    if (at == input.end() || random.below(3) == 0)
      input.insert(at, 1 + random.below(20), byte);
    else if (random.below(2) == 0)
      *at = byte;
    else
      input.erase(at);
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 20000;
  SeededRandom random(2026);
  for (int i = 0; i < runs; ++i) {
    const auto input = make_input(random);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
}
