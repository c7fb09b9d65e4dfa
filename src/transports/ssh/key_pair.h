#pragma once
/// \file
/// A private key in the transport's folder, made by ssh-keygen the first time.

#include <ptproxy/processes.h>
#include <ptproxy/storage.h>

#include "transports/ssh/public_key.h"

namespace ptproxy::ssh {

class KeyPair {
 public:
  /// The file's key; is_new when there was none before.
  PublicKey public_key;
  bool is_new;
};

/// `name` is a file in `local`.
Checked<KeyPair> load_key_pair(const Storage& local, std::string_view name, Processes& processes);

}  // namespace ptproxy::ssh
