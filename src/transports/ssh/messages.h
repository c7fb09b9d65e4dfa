#pragma once
/// \file
/// What the two sides tell each other by signals.

#include "transports/ssh/public_key.h"

namespace ptproxy::ssh {

/// `{"t":"client-key","key":"ssh-ed25519 ...","fp":"SHA256:..."}`: a client asks to be let in.
std::string client_key_message(const PublicKey& key);
/// The key in such a message. Refuses what is no Ed25519 key, has anything around the key, or is not
/// the one of the fingerprint beside it.
Checked<PublicKey> read_client_key(std::string_view payload);

/// `{"t":"accepted","fp":"SHA256:..."}`: the key of this fingerprint is let in.
std::string accepted_message(const PublicKey& key);
/// Whether this is such a message for `key`.
bool is_accepted(std::string_view payload, const PublicKey& key);

}  // namespace ptproxy::ssh
