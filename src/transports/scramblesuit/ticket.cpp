#include "transports/scramblesuit/ticket.h"

#include "crypto/block_cipher.h"
#include "crypto/hash.h"

#include <algorithm>

namespace ptproxy::scramblesuit {
namespace {

constexpr std::string_view identifier = "ScrambleSuitTicket";
constexpr std::size_t iv_size = 16, state_size = 64, mac_size = 32;
static_assert(iv_size + state_size + mac_size == ticket_size);
/// By so much the clock of the server that issued a ticket may have been ahead of ours.
constexpr std::int64_t future_limit = 3600;

}  // namespace

Ticket::Ticket(std::span<const Byte, size> bytes) : master_key(bytes.first<32>()) {
  std::ranges::copy(bytes.last<ticket_size>(), sealed.begin());
}

Secret<Ticket::size> Ticket::bytes() const {
  Secret<size> all;
  std::ranges::copy(sealed, std::ranges::copy(master_key.view(), all.span().begin()).out);
  return all;
}

TicketKeys TicketKeys::generate(Random& random, std::int64_t now) {
  TicketKeys keys;
  random.fill(keys.cipher_key.span());
  random.fill(keys.mac_key.span());
  keys.created = now;
  return keys;
}

SealedTicket TicketKeys::seal(const MasterKey& master_key, std::int64_t now, std::span<const Byte, 16> iv) const {
  SealedTicket sealed{};
  std::ranges::copy(iv, sealed.begin());
  const auto state = ByteSpan(sealed).subspan(iv_size, state_size);
  for (std::size_t i = 0; i < 4; ++i) state[i] = static_cast<Byte>(now >> (8 * i));
  const auto behind = std::ranges::copy(as_bytes(identifier), state.begin() + 4).out;
  std::ranges::copy(master_key.view(), behind);
  aes_128_cbc_encrypt(cipher_key, iv, state);
  std::ranges::copy(hmac_sha256(mac_key.view(), {ByteView(sealed).first(iv_size + state_size)}),
                    sealed.begin() + iv_size + state_size);
  return sealed;
}

std::optional<MasterKey> TicketKeys::open(std::span<const Byte, ticket_size> sealed, std::int64_t now) const {
  const auto mac = hmac_sha256(mac_key.view(), {sealed.first<iv_size + state_size>()});
  if (!equal_in_constant_time(mac, sealed.last<mac_size>())) return std::nullopt;
  Secret<state_size> state(sealed.subspan<iv_size, state_size>());
  aes_128_cbc_decrypt(cipher_key, sealed.first<iv_size>(), state.span());
  std::int64_t issued = 0;
  for (std::size_t i = 0; i < 4; ++i) issued |= std::int64_t{state.view()[i]} << (8 * i);
  if (as_text(state.view().subspan(4, identifier.size())) != identifier) return std::nullopt;
  if (now - issued > ticket_lifetime.count() || issued - now > future_limit) return std::nullopt;
  return MasterKey(state.view().subspan(4 + identifier.size(), 32));
}

bool TicketKeyRing::rotate(std::int64_t now, Random& random) {
  // Keys from the future are of a time when the clock was wrong, and would stay for too long.
  if (current.created >= now - ticket_lifetime.count() && current.created <= now + future_limit) return false;
  previous = current;
  current = TicketKeys::generate(random, now);
  return true;
}

Ticket TicketKeyRing::issue(std::int64_t now, Random& random) const {
  MasterKey master_key;
  random.fill(master_key.span());
  const auto iv = random.bytes<iv_size>();
  return {master_key, current.seal(master_key, now, iv)};
}

std::optional<MasterKey> TicketKeyRing::open(std::span<const Byte, ticket_size> sealed, std::int64_t now) const {
  auto master_key = current.open(sealed, now);
  if (!master_key && previous) master_key = previous->open(sealed, now);
  return master_key;
}

}  // namespace ptproxy::scramblesuit
