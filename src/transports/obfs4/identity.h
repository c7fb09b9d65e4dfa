#pragma once
/// \file
/// Who a bridge is: what its clients know of it (cert), and what it keeps to itself (the state file).

#include <ptproxy/args.h>
#include <ptproxy/random.h>
#include <ptproxy/storage.h>

#include "crypto/ntor.h"
#include "crypto/siphash_drbg.h"
#include "transports/obfs4/shaping.h"

namespace ptproxy::obfs4 {

/// The public half: node ID and public key.
class Bridge {
 public:
  Bridge(const NodeId& node, const PublicKey& key) : node_id(node), public_key(key) {}
  /// Base64 of node ID and public key, without padding: 70 characters.
  std::string cert() const;
  /// The key of the handshake's marks and MACs: public key, then node ID.
  ByteArray<52> mac_key() const;
  bool operator==(const Bridge&) const = default;

  NodeId node_id;
  PublicKey public_key;
};

/// A client's arguments: `cert`, or `node-id` and `public-key`. The refusal names the argument.
Checked<Bridge> parse_bridge(const Args& args);
/// `iat-mode`, a decimal number from 0 to 2; nullopt in place of one that is not there.
Checked<std::optional<IatMode>> parse_iat_mode(const Args& args);

/// A server's identity.
class Identity {
 public:
  Identity(const NodeId& node_id, const Secret<32>& private_key, const SipHashDrbg::Seed& drbg_seed, IatMode iat_mode);
  /// From the server options, else from `obfs4_state.json`, else new; an `iat-mode` option wins over the file's. What
  /// is in force is written to `obfs4_state.json` and `obfs4_bridgeline.txt`, in obfs4proxy's form, but never over a
  /// state file that could not be read.
  static Checked<Identity> load(const Args& options, const Storage& storage, Random& random);
  /// `cert` and `iat-mode`, for SMETHOD.
  Args client_args() const;

  Bridge bridge;
  Secret<32> private_key;
  SipHashDrbg::Seed drbg_seed;
  IatMode iat_mode;
};

}  // namespace ptproxy::obfs4
