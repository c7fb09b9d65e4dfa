#include "transports/scramblesuit/password.h"

namespace ptproxy::scramblesuit {
namespace {

char forgive(char c) {
  if (c == '1') return 'I';
  if (c == '0') return 'O';
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

}  // namespace

Checked<Password> parse_password(std::string_view text) {
  std::string letters(text);
  for (char& c : letters) c = forgive(c);
  const auto bytes = from_base32(letters);
  if (!bytes || bytes->size() != Password::size()) return Refusal("password is not 32 characters of Base32");
  return Password(*bytes);
}

std::string to_text(const Password& password) {
  return to_base32(password.view());
}

Checked<std::optional<Password>> find_password(const Args& args) {
  const auto text = args.find("password");
  if (!text) return std::optional<Password>();
  auto password = parse_password(*text);
  if (!password) return password.error();
  return std::optional(*password);
}

}  // namespace ptproxy::scramblesuit
