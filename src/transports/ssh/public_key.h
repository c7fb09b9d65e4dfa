#pragma once
/// \file
/// SSH public keys as text (RFC 4253 section 6.6, RFC 8709) and their fingerprints.

#include <ptproxy/bytes.h>
#include <ptproxy/result.h>

#include <string>
#include <string_view>

namespace ptproxy::ssh {

class PublicKey {
 public:
  PublicKey(std::string type, Bytes blob) : type_(std::move(type)), blob_(std::move(blob)) {}
  /// `ssh-ed25519`, `ssh-rsa`, ...
  const std::string& type() const { return type_; }
  /// A whole Ed25519 key and nothing else.
  bool is_ed25519() const;
  /// `SHA256:` and 43 characters of Base64, as ssh-keygen -l prints it.
  std::string fingerprint() const;
  /// Type and Base64, as in authorized_keys.
  std::string to_string() const;
  bool operator==(const PublicKey&) const = default;

 private:
  std::string type_;
  Bytes blob_;
};

/// Reads `type base64`, maybe with a comment behind it.
Checked<PublicKey> parse_public_key(std::string_view text);

/// Whether `text` looks like what fingerprint() gives.
bool is_fingerprint(std::string_view text);

}  // namespace ptproxy::ssh
