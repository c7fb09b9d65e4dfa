#include "transports/scramblesuit/identity.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include <algorithm>

namespace ptproxy::scramblesuit {
namespace {

namespace json = boost::json;

constexpr std::string_view file = "scramblesuit_state.json";

/// The N bytes that a field of an object holds in hexadecimal.
template <std::size_t N>
std::optional<Secret<N>> hex_field(const json::object& object, std::string_view name) {
  const auto* text = object.if_contains(name);
  if (!text || !text->is_string()) return std::nullopt;
  const auto bytes = from_hex(std::string_view(text->get_string()));
  if (!bytes || bytes->size() != N) return std::nullopt;
  return Secret<N>(*bytes);
}

std::optional<TicketKeys> parse_ticket_keys(const json::object& state, std::string_view name) {
  const auto* keys = state.if_contains(name);
  if (!keys || !keys->is_object()) return std::nullopt;
  const auto& object = keys->get_object();
  const auto* created = object.if_contains("created");
  const auto cipher_key = hex_field<16>(object, "aes-key");
  const auto mac_key = hex_field<32>(object, "hmac-key");
  if (!created || !created->is_int64() || !cipher_key || !mac_key) return std::nullopt;
  TicketKeys parsed;
  parsed.cipher_key = *cipher_key;
  parsed.mac_key = *mac_key;
  parsed.created = created->get_int64();
  return parsed;
}

Checked<Identity> parse_state(std::string_view text) {
  const auto broken = [](std::string_view what) { return Refusal(fmt::format("{}: {}", file, what)); };
  json::error_code ec;
  const auto value = json::parse(text, ec);
  if (ec || !value.is_object()) return broken("not a JSON object");
  const auto& state = value.get_object();
  const auto* password_text = state.if_contains("password");
  if (!password_text || !password_text->is_string()) return broken("no password");
  const auto password = parse_password(std::string_view(password_text->get_string()));
  if (!password) return broken(password.error().text());
  const auto seed = hex_field<32>(state, "prng-seed");
  if (!seed) return broken("prng-seed is not 64 digits");
  const auto current = parse_ticket_keys(state, "ticket-keys");
  if (!current) return broken("ticket-keys are not whole");
  PrngSeed prng_seed;
  std::ranges::copy(seed->view(), prng_seed.begin());
  Identity identity(*password, prng_seed, *current);
  identity.ticket_keys.previous = parse_ticket_keys(state, "previous-ticket-keys");
  if (!identity.ticket_keys.previous && state.contains("previous-ticket-keys"))
    return broken("previous-ticket-keys are not whole");
  return identity;
}

Identity make_identity(Random& random, std::int64_t now) {
  Password password;
  random.fill(password.span());
  return {password, random.bytes<32>(), TicketKeys::generate(random, now)};
}

std::string to_json(const TicketKeys& keys) {
  return fmt::format(R"({{"created":{},"aes-key":"{}","hmac-key":"{}"}})", keys.created, to_hex(keys.cipher_key.view()),
                     to_hex(keys.mac_key.view()));
}

}  // namespace

SipHashDrbg::Seed shape_seed(const PrngSeed& seed) {
  SipHashDrbg::Seed front;
  std::copy_n(seed.begin(), front.size(), front.begin());
  return front;
}

Checked<bool> find_inter_arrival(const Args& args) {
  const auto text = args.find("iat-mode");
  if (!text || *text == "0") return false;
  if (*text == "1") return true;
  return Refusal("iat-mode is neither 0 nor 1");
}

Checked<Identity> Identity::load(const Args& options, const Storage& storage, Random& random, std::int64_t now) {
  auto password = find_password(options);
  if (!password) return password.error();
  const auto inter_arrival = find_inter_arrival(options);
  if (!inter_arrival) return inter_arrival.error();
  auto text = storage.read(file);
  if (!text) return text.error();
  auto identity = *text ? parse_state(**text) : Checked<Identity>(make_identity(random, now));
  if (!identity) return identity.error();
  identity->password = password->value_or(identity->password);
  identity->inter_arrival = *inter_arrival;
  identity->ticket_keys.rotate(now, random);
  auto saved = identity->save(storage);
  if (!saved) return saved.error();
  return identity;
}

Checked<> Identity::save(const Storage& storage) const {
  auto text = fmt::format(R"({{"password":"{}","prng-seed":"{}","ticket-keys":{})", to_text(password),
                          to_hex(prng_seed), to_json(ticket_keys.current));
  if (ticket_keys.previous) text += fmt::format(R"(,"previous-ticket-keys":{})", to_json(*ticket_keys.previous));
  return storage.write(file, text + "}");
}

Args Identity::client_args() const {
  auto args = Args().add("password", to_text(password));
  if (inter_arrival) args.add("iat-mode", "1");
  return args;
}

}  // namespace ptproxy::scramblesuit
