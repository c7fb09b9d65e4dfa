#include "transports/scramblesuit/session_keys.h"

#include "crypto/hash.h"

#include <algorithm>

namespace ptproxy::scramblesuit {

AesCtr DirectionKeys::cipher() const {
  ByteArray<16> counter{};
  std::ranges::copy(counter_prefix.view(), counter.begin());
  counter.back() = 1;
  return {cipher_key.view(), counter};
}

SessionKeys::SessionKeys(const MasterKey& master_key) {
  // The master key is good as it is: HKDF without its extracting half.
  Secret<144> material;
  hkdf_expand(master_key.view(), {}, material.span());
  Reader reader(material.view());
  for (auto* direction : {&from_client, &from_server}) {
    direction->cipher_key = Secret<32>(*reader.take(32));
    direction->counter_prefix = Secret<8>(*reader.take(8));
  }
  from_client.mac_key = Secret<32>(*reader.take(32));
  from_server.mac_key = Secret<32>(*reader.take(32));
}

}  // namespace ptproxy::scramblesuit
