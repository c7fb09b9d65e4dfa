#pragma once
/// \file
/// How far a session has come, told in one header field so that no byte is lost or doubled when an HTTP connection
/// dies.
///
/// Plain meek cannot tell a request that is sent again from a new one. Our client adds this field to every request; our
/// server answers it with its own, and other servers ignore it. docs/transports.md describes the rules.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ptproxy::meek {

/// `SENT RECEIVED [end] [hold]`, the numbers in decimal.
class Position {
 public:
  static constexpr std::string_view field = "X-Session-Position";

  Position() = default;
  Position(std::uint64_t sent, std::uint64_t received) : sent(sent), received(received) {}
  std::uint64_t sent = 0;      ///< where in the sender's direction this body begins
  std::uint64_t received = 0;  ///< how much of the other direction has arrived at the sender
  bool end = false;            ///< nothing follows this body
  bool hold = false;           ///< requests only: answer without a body, for there is no room for one
  bool at_start() const { return sent == 0 && received == 0; }
  bool operator==(const Position&) const = default;
};

std::string to_string(const Position& position);
/// Words that are not known are passed over. nullopt for what does not begin with two numbers.
std::optional<Position> parse_position(std::string_view text);

}  // namespace ptproxy::meek
