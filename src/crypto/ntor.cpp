#include "crypto/ntor.h"

#include "crypto/hash.h"
#include "crypto/x25519.h"

#include <sodium.h>

#include <algorithm>

namespace ptproxy {
namespace {

constexpr std::string_view protocol_id = "ntor-curve25519-sha256-1";
constexpr std::string_view key_extract = "ntor-curve25519-sha256-1:key_extract";
constexpr std::string_view key_verify = "ntor-curve25519-sha256-1:key_verify";
constexpr std::string_view key_expand = "ntor-curve25519-sha256-1:key_expand";
constexpr std::string_view mac = "ntor-curve25519-sha256-1:mac";

bool is_zero(const Secret<32>& secret) {
  return sodium_is_zero(secret.data(), secret.size()) != 0;
}

std::optional<NtorSecrets> agree(const std::array<Secret<32>, 2>& shared, const PublicKey& bridge,
                                 const PublicKey& client, const PublicKey& server, const NodeId& node_id) {
  const Secret<32>&first = shared[0], &second = shared[1];
  // The bridge's key really stands here twice, and its ID last.
  const auto over_secrets = [&](std::string_view key) {
    return hmac_sha256(as_bytes(key),
                       {first.view(), second.view(), bridge, bridge, client, server, as_bytes(protocol_id), node_id});
  };
  auto seed = over_secrets(key_extract);
  auto verify = over_secrets(key_verify);
  const auto auth = hmac_sha256(
      as_bytes(mac), {verify, bridge, bridge, client, server, as_bytes(protocol_id), node_id, as_bytes("Server")});
  std::optional<NtorSecrets> secrets;
  // Asked last and of both, so that the time taken does not tell which secret was refused.
  const unsigned zeros = static_cast<unsigned>(is_zero(first)) | static_cast<unsigned>(is_zero(second));
  if (zeros == 0) secrets.emplace(seed, auth);
  wipe(seed);
  wipe(verify);
  return secrets;
}

}  // namespace

std::optional<NtorSecrets> ntor_client(const KeyPair& client, const PublicKey& server, const PublicKey& bridge,
                                       const NodeId& node_id) {
  const auto shared = x25519({client.private_key, server}, {client.private_key, bridge});
  return agree(shared, bridge, client.public_key, server, node_id);
}

std::optional<NtorSecrets> ntor_server(const KeyPair& server, const PublicKey& client, const Secret<32>& bridge_private,
                                       const PublicKey& bridge, const NodeId& node_id) {
  const auto shared = x25519({server.private_key, client}, {bridge_private, client});
  return agree(shared, bridge, client, server.public_key, node_id);
}

DirectionKeys::DirectionKeys(std::span<const Byte, 72> material) : key(material.first<32>()) {
  std::ranges::copy(material.subspan<32, 16>(), nonce_prefix.begin());
  std::ranges::copy(material.subspan<48, 24>(), drbg_seed.begin());
}

DirectionKeys::~DirectionKeys() {
  wipe(nonce_prefix);
  wipe(drbg_seed);
}

SessionKeys::SessionKeys(const Secret<144>& material)
    : client_to_server(material.view().first<72>()), server_to_client(material.view().last<72>()) {}

Secret<144> SessionKeys::expand(const Secret<32>& key_seed) {
  const auto key = hkdf_extract(as_bytes(key_extract), key_seed.view());
  Secret<144> material;
  hkdf_expand(key.view(), as_bytes(key_expand), material.span());
  return material;
}

}  // namespace ptproxy
