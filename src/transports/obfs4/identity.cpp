#include "transports/obfs4/identity.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include <algorithm>
#include <charconv>

namespace ptproxy::obfs4 {
namespace {

namespace json = boost::json;

constexpr std::string_view state_file = "obfs4_state.json";
constexpr std::string_view bridge_line_file = "obfs4_bridgeline.txt";
constexpr std::size_t cert_length = 70;

constexpr std::string_view bridge_line_preface =
    "# The bridge line that clients of this obfs4 bridge need. Generated: changes made here have no effect.\n"
    "#\n"
    "# <IP ADDRESS>  the public address of the bridge\n"
    "# <PORT>        the TCP port on which clients reach its obfs4 transport\n"
    "# <FINGERPRINT> the fingerprint of the bridge's tor\n"
    "\n";

template <std::size_t N>
Checked<ByteArray<N>> parse_hex(std::string_view name, std::string_view text) {
  const auto bytes = from_hex(text);
  if (!bytes) return Refusal(fmt::format("{} is not hexadecimal", name));
  if (bytes->size() < N) return Refusal(fmt::format("{} is too short: {} of {} bytes", name, bytes->size(), N));
  ByteArray<N> out;
  std::copy_n(bytes->begin(), N, out.begin());
  return out;
}

/// As parse_hex, and nothing may follow.
template <std::size_t N>
Checked<ByteArray<N>> parse_exact_hex(std::string_view name, std::string_view text) {
  if (text.size() > 2 * N) return Refusal(fmt::format("{} is too long: {} digits, not {}", name, text.size(), 2 * N));
  return parse_hex<N>(name, text);
}

Checked<Bridge> parse_cert(std::string_view text) {
  std::string cert(text);
  std::erase_if(cert, [](char c) { return c == '\r' || c == '\n'; });
  if (cert.size() != cert_length)
    return Refusal(fmt::format("cert has {} characters, not {}", cert.size(), cert_length));
  // The last character's unused bits are whatever they are; behind two more characters they do no harm.
  const auto bytes = from_base64(cert + "AA");
  if (!bytes) return Refusal("cert is not Base64");
  NodeId node_id;
  PublicKey public_key;
  std::copy_n(bytes->begin(), node_id.size(), node_id.begin());
  std::copy_n(bytes->begin() + node_id.size(), public_key.size(), public_key.begin());
  return Bridge(node_id, public_key);
}

Checked<IatMode> to_iat_mode(std::int64_t number) {
  if (number < 0 || number > 2) return Refusal(fmt::format("invalid iat-mode '{}'", number));
  return static_cast<IatMode>(number);
}

/// The three values of an identity, in hexadecimal, by their names in options and in the state file.
Checked<Identity> from_hex_values(std::string_view node_id, std::string_view private_key, std::string_view drbg_seed,
                                  IatMode iat_mode) {
  auto node = parse_exact_hex<20>("node-id", node_id);
  if (!node) return node.error();
  auto key = parse_exact_hex<32>("private-key", private_key);
  if (!key) return key.error();
  auto seed = parse_hex<24>("drbg-seed", drbg_seed);
  if (!seed) return seed.error();
  Identity identity(*node, Secret<32>(*key), *seed, iat_mode);
  wipe(*key);
  return identity;
}

Identity make_identity(Random& random) {
  const auto node_id = random.bytes<20>();
  Secret<32> private_key;
  random.fill(private_key.span());
  return {node_id, private_key, random.bytes<24>(), IatMode::none};
}

/// obfs4proxy matches names without regard to case.
std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

Checked<Identity> parse_state(std::string_view text) {
  auto broken = [](std::string_view why) { return Refusal(fmt::format("{}: {}", state_file, why)); };
  json::error_code ec;
  const auto value = json::parse(text, ec);
  if (ec || !value.is_object()) return broken("not a JSON object");
  std::map<std::string, std::string> strings;
  IatMode iat_mode = IatMode::none;
  for (const auto& [key, field] : value.get_object()) {
    const auto name = lower(key);
    if (name == "iat-mode") {
      if (!field.is_int64()) return broken("iat-mode is not a number");
      auto mode = to_iat_mode(field.get_int64());
      if (!mode) return broken(mode.error().text());
      iat_mode = *mode;
    } else if (field.is_string()) {
      strings[name] = field.get_string();
    }
  }
  auto identity = from_hex_values(strings["node-id"], strings["private-key"], strings["drbg-seed"], iat_mode);
  if (!identity) return broken(identity.error().text());
  return identity;
}

Checked<Identity> choose_identity(const Args& options, const Storage& storage, Random& random) {
  const auto private_key = options.find("private-key"), node_id = options.find("node-id"),
             drbg_seed = options.find("drbg-seed");
  if (private_key || node_id || drbg_seed) {
    if (!private_key) return Refusal("missing argument 'private-key'");
    if (!node_id) return Refusal("missing argument 'node-id'");
    if (!drbg_seed) return Refusal("missing argument 'drbg-seed'");
    return from_hex_values(*node_id, *private_key, *drbg_seed, IatMode::none);
  }
  auto text = storage.read(state_file);
  if (!text) return text.error();
  if (!*text) return make_identity(random);
  return parse_state(**text);
}

Checked<> save(const Identity& identity, const Storage& storage) {
  auto private_key = to_hex(identity.private_key.view());
  auto state = fmt::format(R"({{"node-id":"{}","private-key":"{}","public-key":"{}","drbg-seed":"{}","iat-mode":{}}})",
                           to_hex(identity.bridge.node_id), private_key, to_hex(identity.bridge.public_key),
                           to_hex(identity.drbg_seed), static_cast<int>(identity.iat_mode));
  auto written = storage.write(state_file, state);
  wipe(private_key);
  wipe(state);
  if (!written) return written;
  return storage.write(bridge_line_file,
                       fmt::format("{}Bridge obfs4 <IP ADDRESS>:<PORT> <FINGERPRINT> cert={} iat-mode={}\n",
                                   bridge_line_preface, identity.bridge.cert(), static_cast<int>(identity.iat_mode)));
}

}  // namespace

std::string Bridge::cert() const {
  ByteQueue both;
  both.append(node_id);
  both.append(public_key);
  return to_base64(both.view()).substr(0, cert_length);
}

ByteArray<52> Bridge::mac_key() const {
  ByteArray<52> key;
  std::ranges::copy(node_id, std::ranges::copy(public_key, key.begin()).out);
  return key;
}

Checked<Bridge> parse_bridge(const Args& args) {
  if (const auto cert = args.find("cert")) return parse_cert(*cert);
  const auto node_id = args.find("node-id"), public_key = args.find("public-key");
  if (!node_id && !public_key) return Refusal("missing argument 'cert'");
  if (!node_id) return Refusal("missing argument 'node-id'");
  if (!public_key) return Refusal("missing argument 'public-key'");
  auto node = parse_exact_hex<20>("node-id", *node_id);
  if (!node) return node.error();
  auto key = parse_exact_hex<32>("public-key", *public_key);
  if (!key) return key.error();
  return Bridge(*node, *key);
}

Checked<std::optional<IatMode>> parse_iat_mode(const Args& args) {
  const auto given = args.find("iat-mode");
  if (!given) return std::optional<IatMode>();
  // "+1" and "01" are numbers to obfs4proxy.
  const auto text = given->substr(given->starts_with('+') ? 1 : 0);
  int number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc{} || end != text.data() + text.size() || (given->starts_with('+') && number < 0))
    return Refusal(fmt::format("malformed iat-mode '{}'", *given));
  auto mode = to_iat_mode(number);
  if (!mode) return mode.error();
  return std::optional(*mode);
}

Identity::Identity(const NodeId& node_id, const Secret<32>& key, const SipHashDrbg::Seed& seed, IatMode mode)
    : bridge(node_id, x25519_public_key(key)), private_key(key), drbg_seed(seed), iat_mode(mode) {}

Checked<Identity> Identity::load(const Args& options, const Storage& storage, Random& random) {
  auto identity = choose_identity(options, storage, random);
  if (!identity) return identity.error();
  auto iat_mode = parse_iat_mode(options);
  if (!iat_mode) return iat_mode.error();
  identity->iat_mode = iat_mode->value_or(identity->iat_mode);
  auto saved = save(*identity, storage);
  if (!saved) return saved.error();
  return identity;
}

Args Identity::client_args() const {
  return Args().add("cert", bridge.cert()).add("iat-mode", std::to_string(static_cast<int>(iat_mode)));
}

}  // namespace ptproxy::obfs4
