#include "transports/ssh/public_key.h"

#include "crypto/hash.h"

#include <algorithm>

namespace ptproxy::ssh {
namespace {

constexpr std::string_view prefix = "SHA256:";
constexpr std::size_t hash_length = 43;  // 32 bytes in Base64 without padding
constexpr std::string_view type_characters = "abcdefghijklmnopqrstuvwxyz0123456789@.-";
constexpr std::string_view ed25519 = "ssh-ed25519";
constexpr std::size_t ed25519_key_size = 32;

std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  const auto word = text.substr(0, text.find_first_of(" \t\r\n"));
  text.remove_prefix(word.size());
  return word;
}

/// A length in four bytes, and so many bytes.
std::optional<ByteView> take_string(Reader& reader) {
  const auto size = reader.u32();
  if (!size) return std::nullopt;
  return reader.take(*size);
}

}  // namespace

bool PublicKey::is_ed25519() const {
  Reader reader(blob_);
  const auto type = take_string(reader), key = take_string(reader);
  return type && as_text(*type) == ed25519 && key && key->size() == ed25519_key_size && reader.rest().empty();
}

std::string PublicKey::fingerprint() const {
  std::string text(prefix);
  return (text += to_base64(sha256({blob_}))).substr(0, prefix.size() + hash_length);
}

std::string PublicKey::to_string() const {
  return type_ + ' ' + to_base64(blob_);
}

Checked<PublicKey> parse_public_key(std::string_view text) {
  const auto type = take_word(text), base64 = take_word(text);
  auto blob = from_base64(base64);
  if (!blob || type.find_first_not_of(type_characters) != std::string_view::npos)
    return Refusal("not a public key of the form 'type base64'");
  Reader reader(*blob);
  const auto inner = take_string(reader);
  if (!inner || as_text(*inner) != type) return Refusal("a public key's type is not what stands before it");
  return PublicKey(std::string(type), std::move(*blob));
}

bool is_fingerprint(std::string_view text) {
  return text.size() == prefix.size() + hash_length && text.starts_with(prefix) &&
         from_base64(text.substr(prefix.size()));
}

}  // namespace ptproxy::ssh
