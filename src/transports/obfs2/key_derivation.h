#pragma once
/// \file
/// obfs2's keys, out of what stands in the clear at the front of each direction and, where both sides have one, a
/// shared secret (obfs2 protocol specification, sections 1 and 2).

#include <ptproxy/bytes.h>

#include <optional>
#include <string_view>

namespace ptproxy::obfs2 {

/// With a shared secret each key takes some 25 ms.
class KeyDerivation {
 public:
  /// What the protocol asks for, with a shared secret; without one it hashes once.
  static constexpr int hash_iterations = 100000;

  KeyDerivation() = default;
  /// The secret may have any length.
  explicit KeyDerivation(std::string_view shared_secret, int iterations = hash_iterations);
  /// 16 bytes of key, 16 of counter block. `label` is the key's purpose, `seeds` one side's seed or both.
  Secret<32> derive(std::string_view label, ByteView seeds) const;
  bool is_slow() const { return secret_hash_.has_value(); }

 private:
  std::optional<Secret<32>> secret_hash_;
  int iterations_ = 1;
};

}  // namespace ptproxy::obfs2
