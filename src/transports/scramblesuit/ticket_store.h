#pragma once
/// \file
/// The tickets of a client, by bridge, in scramblesuit_tickets.json: obfs4proxy's file, which either program can take
/// over from the other.

#include <ptproxy/endpoint.h>
#include <ptproxy/storage.h>

#include "transports/scramblesuit/ticket.h"

#include <map>

namespace ptproxy::scramblesuit {

class TicketStore {
 public:
  /// Of more bridges than this the one with the eldest ticket is forgotten.
  static constexpr std::size_t most_bridges = 1024;
  /// Reads the file, where there is one. A refusal when it cannot be read or is no JSON object; what is expired or
  /// damaged in it is skipped. Times are seconds since 1970. The storage outlives this.
  static Checked<TicketStore> load(const Storage& storage, std::int64_t now);
  /// The ticket for this bridge, which is then no longer in the file, for it must not be used twice: when the file
  /// cannot be written, there is none.
  std::optional<Ticket> take(const Endpoint& bridge, std::int64_t now);
  /// Keeps the ticket in the place of any other for this bridge. A bridge without an IP address is not remembered.
  void put(const Endpoint& bridge, const Ticket& ticket, std::int64_t now);

 private:
  class Row {
   public:
    Ticket ticket;
    std::int64_t received;
  };

  explicit TicketStore(const Storage& storage) : storage_(storage) {}
  bool write() const;

  const Storage& storage_;
  std::map<std::string, Row> rows_;
};

}  // namespace ptproxy::scramblesuit
