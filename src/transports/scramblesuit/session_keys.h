#pragma once
/// \file
/// ScrambleSuit's keys (Winter et al. 2013; ScrambleSuit protocol specification).

#include <ptproxy/bytes.h>

#include "crypto/stream_cipher.h"

namespace ptproxy::scramblesuit {

/// What a handshake agrees on.
using MasterKey = Secret<32>;

/// For what one side sends.
class DirectionKeys {
 public:
  /// AES-256, its counter at the first message.
  AesCtr cipher() const;
  Secret<32> cipher_key;
  Secret<8> counter_prefix;
  Secret<32> mac_key;
};

class SessionKeys {
 public:
  explicit SessionKeys(const MasterKey& master_key);
  DirectionKeys from_client, from_server;
};

}  // namespace ptproxy::scramblesuit
