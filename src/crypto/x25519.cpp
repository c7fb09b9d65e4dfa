#include "crypto/x25519.h"

#include <sodium.h>

namespace ptproxy {
namespace {

Secret<32> x25519(const KeysToAgree& keys) {
  Secret<32> shared;
  if (crypto_scalarmult_curve25519(shared.data(), keys.private_key.data(), keys.public_key.data()) != 0)
    wipe(shared.span());
  return shared;
}

}  // namespace

Secret<32> clamped(Secret<32> private_key) {
  private_key.data()[0] &= 0xf8;
  private_key.data()[31] = static_cast<Byte>((private_key.data()[31] & 0x7f) | 0x40);
  return private_key;
}

PublicKey x25519_public_key(const Secret<32>& private_key) {
  PublicKey public_key;
  crypto_scalarmult_curve25519_base(public_key.data(), private_key.data());
  return public_key;
}

std::array<Secret<32>, 2> x25519(const KeysToAgree& first, const KeysToAgree& second, bool side_by_side) {
  if (!side_by_side) return {x25519(first), x25519(second)};
  return lanes::multiply({clamped(first.private_key), clamped(second.private_key)}, first.public_key,
                         second.public_key);
}

}  // namespace ptproxy
