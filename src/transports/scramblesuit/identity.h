#pragma once
/// \file
/// Who a ScrambleSuit bridge is, kept in scramblesuit_state.json.

#include <ptproxy/storage.h>

#include "crypto/siphash_drbg.h"
#include "transports/scramblesuit/password.h"
#include "transports/scramblesuit/ticket.h"

namespace ptproxy::scramblesuit {

/// What the lengths of both sides' bursts, and the rests between their segments, are drawn from.
using PrngSeed = ByteArray<32>;
/// As obfs4proxy's client does it: of the 32 bytes the first 24 count.
SipHashDrbg::Seed shape_seed(const PrngSeed& seed);

/// `iat-mode`: whether to rest between segments, 1, or not, 0 or nothing.
Checked<bool> find_inter_arrival(const Args& args);

class Identity {
 public:
  Identity(const Password& secret, const PrngSeed& seed, const TicketKeys& keys)
      : password(secret), prng_seed(seed), ticket_keys(keys) {}
  /// From the file, or new; a `password` option wins over the file's. Ticket keys that are too old are replaced. What
  /// is in force is written to the file, but never over one that could not be read.
  static Checked<Identity> load(const Args& options, const Storage& storage, Random& random, std::int64_t now);
  Checked<> save(const Storage& storage) const;
  /// `password`, and `iat-mode` where it is not 0, for SMETHOD.
  Args client_args() const;

  Password password;
  PrngSeed prng_seed;
  TicketKeyRing ticket_keys;
  bool inter_arrival = false;  ///< from the options; not kept in the file
};

}  // namespace ptproxy::scramblesuit
