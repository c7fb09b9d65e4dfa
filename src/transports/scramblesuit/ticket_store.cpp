#include "transports/scramblesuit/ticket_store.h"

#include <ptproxy/log.h>

#include <fmt/format.h>

#include <boost/asio/ip/address.hpp>
#include <boost/json.hpp>

#include <algorithm>

namespace ptproxy::scramblesuit {
namespace {

namespace json = boost::json;
namespace ip = boost::asio::ip;

constexpr std::string_view file = "scramblesuit_tickets.json";

/// `1.2.3.4:5` or `[::1]:5`, the address in its one canonical form.
std::optional<std::string> key_of(const Endpoint& bridge) {
  boost::system::error_code ec;
  auto address = ip::make_address(bridge.host(), ec);
  if (ec) return std::nullopt;
  if (address.is_v6() && address.to_v6().is_v4_mapped()) address = ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return Endpoint(address.to_string(), bridge.port()).to_string();
}

bool expired(std::int64_t received, std::int64_t now) {
  return received <= now - ticket_lifetime.count();
}

std::optional<Ticket> ticket_of(const json::object& row) {
  const auto* text = row.if_contains("key-ticket");
  if (!text || !text->is_string()) return std::nullopt;
  const auto bytes = from_base32(std::string_view(text->get_string()));
  if (!bytes || bytes->size() != Ticket::size) return std::nullopt;
  return Ticket(std::span<const Byte, Ticket::size>(bytes->data(), Ticket::size));
}

}  // namespace

Checked<TicketStore> TicketStore::load(const Storage& storage, std::int64_t now) {
  auto text = storage.read(file);
  if (!text) return text.error();
  TicketStore store(storage);
  if (!*text) return store;
  json::error_code ec;
  const auto value = json::parse(**text, ec);
  if (ec || !value.is_object()) return Refusal(fmt::format("{}: not a JSON object", file));
  for (const auto& [key, row] : value.get_object()) {
    if (!row.is_object()) continue;
    const auto* issued = row.get_object().if_contains("issuedAt");
    if (!issued || !issued->is_int64() || expired(issued->get_int64(), now)) continue;
    const auto ticket = ticket_of(row.get_object());
    if (ticket) store.rows_.insert_or_assign(std::string(key), Row{*ticket, issued->get_int64()});
  }
  return store;
}

std::optional<Ticket> TicketStore::take(const Endpoint& bridge, std::int64_t now) {
  const auto key = key_of(bridge);
  const auto found = key ? rows_.find(*key) : rows_.end();
  if (found == rows_.end()) return std::nullopt;
  const Row row = found->second;
  rows_.erase(found);
  if (!write() || expired(row.received, now)) return std::nullopt;
  return row.ticket;
}

void TicketStore::put(const Endpoint& bridge, const Ticket& ticket, std::int64_t now) {
  const auto key = key_of(bridge);
  if (!key) return;
  if (rows_.size() >= most_bridges && !rows_.contains(*key))
    rows_.erase(std::ranges::min_element(rows_, {}, [](const auto& row) { return row.second.received; }));
  rows_.insert_or_assign(*key, Row{ticket, now});
  (void)write();
}

bool TicketStore::write() const {
  std::string text;
  for (const auto& [key, row] : rows_)
    text += fmt::format(R"({}{}:{{"key-ticket":"{}","issuedAt":{}}})", text.empty() ? "" : ",",
                        json::serialize(json::string_view(key)), to_base32(row.ticket.bytes().view()), row.received);
  auto written = storage_.write(file, "{" + text + "}");
  if (!written) log::warning("scramblesuit: {}", written.error().text());
  return written.has_value();
}

}  // namespace ptproxy::scramblesuit
