#include <ptproxy/storage.h>

#include "transports/meek/server.h"

#include <charconv>

namespace ptproxy::meek {
namespace {

constexpr int longest_turnaround = 5000;  // milliseconds; what stands in between cuts requests that take a minute
constexpr int most_sessions_ever = 65536;

Checked<std::string> read_file(std::string_view path, std::string_view what) {
  const std::filesystem::path file{std::string(path)};
  const auto folder = file.parent_path();
  auto text = Storage(folder.empty() ? "." : folder).read(file.filename().native());
  if (!text) return Refusal("the " + std::string(what) + " file cannot be read: " + text.error().text());
  if (!*text) return Refusal("the " + std::string(what) + " file is not there");
  return Checked<std::string>(boost::system::in_place_value, std::move(**text));
}

std::optional<int> number_in(std::string_view text, int least, int most) {
  int value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size() || value < least || value > most) return std::nullopt;
  return value;
}

Checked<std::optional<TlsSettings>> load_tls(const Args& options) {
  const auto cert = options.find("cert"), key = options.find("key");
  if (!cert && !key) return std::optional<TlsSettings>();
  if (!cert || !key) return Refusal("the options 'cert' and 'key' go together");
  auto chain_pem = read_file(*cert, "certificate");
  if (!chain_pem) return chain_pem.error();
  auto key_pem = read_file(*key, "key");
  if (!key_pem) return key_pem.error();
  auto tls = TlsSettings::server(*chain_pem, *key_pem);
  wipe(*key_pem);
  if (!tls) return tls.error();
  return std::optional<TlsSettings>(std::move(*tls));
}

}  // namespace

Checked<ServerOptions> parse_server_options(const Args& options) {
  ServerOptions parsed;
  auto tls = load_tls(options);
  if (!tls) return tls.error();
  parsed.tls = std::move(*tls);

  const auto trust = options.find("trust-forwarded-for").value_or("0");
  if (trust == "1" || trust == "meek-ip") parsed.trusted_fields.emplace_back("Meek-IP");
  if (trust == "1" || trust == "x-forwarded-for") parsed.trusted_fields.emplace_back("X-Forwarded-For");
  if (trust != "0" && parsed.trusted_fields.empty())
    return Refusal("the option 'trust-forwarded-for' is none of 0, 1, x-forwarded-for and meek-ip");

  parsed.path = std::string(options.find("path").value_or(""));
  if (!parsed.path.empty() && parsed.path.front() != '/') return Refusal("the option 'path' does not begin with /");
  if (parsed.path.find_first_of("?# ") != std::string::npos) return Refusal("the option 'path' is no path");

  if (const auto text = options.find("turnaround")) {
    const auto milliseconds = number_in(*text, 0, longest_turnaround);
    if (!milliseconds) return Refusal("the option 'turnaround' is not a number of milliseconds up to 5000");
    parsed.turnaround = std::chrono::milliseconds(*milliseconds);
  }
  if (const auto text = options.find("max-sessions")) {
    const auto most = number_in(*text, 1, most_sessions_ever);
    if (!most) return Refusal("the option 'max-sessions' is not a number from 1 to 65536");
    parsed.most_sessions = static_cast<std::size_t>(*most);
  }
  return parsed;
}

}  // namespace ptproxy::meek
