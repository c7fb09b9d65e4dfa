#include "transports/ssh/messages.h"

#include <ptproxy/args.h>

#include <fmt/format.h>

namespace ptproxy::ssh {

// Keys and fingerprints have no character that JSON would have to escape.

std::string client_key_message(const PublicKey& key) {
  return fmt::format(R"({{"t":"client-key","key":"{}","fp":"{}"}})", key.to_string(), key.fingerprint());
}

Checked<PublicKey> read_client_key(std::string_view payload) {
  const auto fields = parse_json_args(payload);
  if (!fields || fields->find("t") != "client-key") return Refusal("not a message that this side understands");
  auto key = parse_public_key(fields->find("key").value_or(""));
  if (!key) return key.error();
  if (!key->is_ed25519()) return Refusal("a client's key is not an Ed25519 key");
  if (fields->find("key") != key->to_string()) return Refusal("a client's message says more than its key");
  if (fields->find("fp") != key->fingerprint()) return Refusal("a client's key is not the one of its fingerprint");
  return key;
}

std::string accepted_message(const PublicKey& key) {
  return fmt::format(R"({{"t":"accepted","fp":"{}"}})", key.fingerprint());
}

bool is_accepted(std::string_view payload, const PublicKey& key) {
  const auto fields = parse_json_args(payload);
  return fields && fields->find("t") == "accepted" && fields->find("fp") == key.fingerprint();
}

}  // namespace ptproxy::ssh
