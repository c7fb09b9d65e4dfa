#pragma once
/// \file
/// The key agreement of obfs4: ntor (Goldberg, Stebila, Ustaoglu 2013) over X25519 and HMAC-SHA256, in obfs4's own
/// order of inputs, which is not Tor's; and the keys of a connection that come of it.

#include "crypto/elligator2.h"

#include <ptproxy/bytes.h>

#include <optional>

namespace ptproxy {

using NodeId = ByteArray<20>;

/// What both sides know in the end.
class NtorSecrets {
 public:
  NtorSecrets(ByteView seed, const ByteArray<32>& auth_tag) : key_seed(seed), auth(auth_tag) {}
  Secret<32> key_seed;
  ByteArray<32> auth;  ///< what the server sends to prove that it has the bridge's key; compare in constant time
};

/// The client's half: its own key pair, the server's handshake key, and the bridge's key and ID. nullopt if a shared
/// secret is zero, which a key of small order makes it.
std::optional<NtorSecrets> ntor_client(const KeyPair& client, const PublicKey& server, const PublicKey& bridge,
                                       const NodeId& node_id);

/// The server's half: its own key pair for this handshake, the client's, and the bridge's own keys and ID. nullopt as
/// for ntor_client.
std::optional<NtorSecrets> ntor_server(const KeyPair& server, const PublicKey& client, const Secret<32>& bridge_private,
                                       const PublicKey& bridge, const NodeId& node_id);

/// The keys of one direction.
class DirectionKeys {
 public:
  /// From 72 bytes of key material.
  explicit DirectionKeys(std::span<const Byte, 72> material);
  DirectionKeys(const DirectionKeys&) = default;
  DirectionKeys& operator=(const DirectionKeys&) = default;
  ~DirectionKeys();

  Secret<32> key;              ///< of the sealed boxes
  ByteArray<16> nonce_prefix;  ///< the frame's number follows
  ByteArray<24> drbg_seed;     ///< for the masks of the lengths
};

/// The keys of both directions.
class SessionKeys {
 public:
  explicit SessionKeys(const Secret<32>& key_seed) : SessionKeys(expand(key_seed)) {}
  DirectionKeys client_to_server;
  DirectionKeys server_to_client;

 private:
  explicit SessionKeys(const Secret<144>& material);
  static Secret<144> expand(const Secret<32>& key_seed);
};

}  // namespace ptproxy
