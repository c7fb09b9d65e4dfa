#pragma once
/// \file
/// Session tickets: what a server gives a client so that the next connection needs no key agreement. The server keeps
/// nothing of them but the keys that open them.

#include <ptproxy/random.h>

#include "transports/scramblesuit/session_keys.h"

#include <chrono>
#include <optional>

namespace ptproxy::scramblesuit {

inline constexpr std::size_t ticket_size = 112;
inline constexpr std::chrono::seconds ticket_lifetime = std::chrono::days(7);
using SealedTicket = ByteArray<ticket_size>;

/// As a client keeps it, and as it travels: the master key of the connection that redeems it, then the ticket.
class Ticket {
 public:
  static constexpr std::size_t size = 32 + ticket_size;
  explicit Ticket(std::span<const Byte, size> bytes);
  Ticket(const MasterKey& key, const SealedTicket& ticket) : master_key(key), sealed(ticket) {}
  Secret<size> bytes() const;
  MasterKey master_key;
  SealedTicket sealed;
};

/// What a server seals tickets with.
class TicketKeys {
 public:
  static TicketKeys generate(Random& random, std::int64_t now);
  /// IV (16) | AES-128-CBC of issue time (4, little-endian), identifier (18), master key (32), zeros (10) |
  /// HMAC-SHA256.
  SealedTicket seal(const MasterKey& master_key, std::int64_t now, std::span<const Byte, 16> iv) const;
  /// nullopt for what was not sealed with these keys, is older than ticket_lifetime, or comes from the future.
  std::optional<MasterKey> open(std::span<const Byte, ticket_size> sealed, std::int64_t now) const;

  Secret<16> cipher_key;
  Secret<32> mac_key;
  std::int64_t created = 0;  ///< seconds since 1970, as every time here
};

/// The keys in use, and those before them, which open tickets but seal none.
class TicketKeyRing {
 public:
  explicit TicketKeyRing(const TicketKeys& keys) : current(keys) {}
  /// Puts fresh keys in the place of those that are older than ticket_lifetime. True when it did.
  bool rotate(std::int64_t now, Random& random);
  /// A ticket for a fresh master key.
  Ticket issue(std::int64_t now, Random& random) const;
  std::optional<MasterKey> open(std::span<const Byte, ticket_size> sealed, std::int64_t now) const;

  TicketKeys current;
  std::optional<TicketKeys> previous;
};

}  // namespace ptproxy::scramblesuit
