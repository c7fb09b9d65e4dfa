#pragma once
/// \file
/// Which clients may log in.

#include <ptproxy/storage.h>

#include "transports/ssh/public_key.h"

#include <optional>
#include <vector>

namespace ptproxy::ssh {

/// Keeps `authorized_keys`, which sshd reads anew at each login. A key that asks to be let in is let in at once, or
/// waits in `pending` until the operator writes its fingerprint into `accept`; the fingerprint may also be there first.
class Enrolment {
 public:
  enum class Policy { automatic, manual };
  enum class Outcome { accepted, waiting };
  static constexpr std::size_t most_pending = 64;
  /// Lines of authorized_keys, which sshd reads at every login; beyond them nobody new is let in.
  static constexpr std::size_t most_authorized = 1024;

  Enrolment(Storage local, Policy policy) : local_(std::move(local)), policy_(policy) {}
  /// Makes `authorized_keys`, empty, if there is none.
  Checked<> prepare() const;
  /// When too many wait, the oldest is forgotten.
  Checked<Outcome> ask(const PublicKey& key);
  /// Lets those in whose fingerprints are in `accept`.
  Checked<std::vector<PublicKey>> review();
  bool anybody_waits() const;

 private:
  Checked<bool> is_approved(const PublicKey& key) const;
  Checked<> authorize(const PublicKey& key) const;
  Checked<std::vector<PublicKey>> read_pending() const;
  Checked<> write_pending(const std::vector<PublicKey>& keys) const;

  Storage local_;
  Policy policy_;
};

/// The value of the server option `accept`: `auto`, or `manual`, which is also the default.
Checked<Enrolment::Policy> parse_policy(std::optional<std::string_view> text);

}  // namespace ptproxy::ssh
