#pragma once
/// \file
/// SOCKS as the client side of a pluggable transport serves it: both versions on one port.

#include <ptproxy/handshake.h>

#include "wire/socks4.h"
#include "wire/socks5.h"

#include <variant>

namespace ptproxy {

/// Tells SOCKS4 and SOCKS5 apart by the first byte and follows either up to its CONNECT request. Anything else fails
/// with Errc::bad_message and without a word, so that no browser takes us for a web server.
/// After `done` the bytes left in `in` are early data for the far side; `reply` (socks_reply.h) words the answer.
/// Keeps at most one block of JSON (64 KiB); a deadline of 10 seconds for the whole talk is the caller's.
class SocksServer final : public Handshake {
 public:
  /// Method 0x80 is the draft's JSON only to a parent that speaks version 2.
  explicit SocksServer(bool allow_method_80) : allow_method_80_(allow_method_80) {}
  Result<Step> advance(ByteQueue& in, ByteQueue& out) override;
  /// After `done`.
  const SocksRequest& request() const;
  /// The last word for a client that ran out of time; mostly none.
  Bytes timeout_reply() const;

 private:
  bool allow_method_80_;
  std::variant<std::monostate, Socks4Server, Socks5Server> version_;
};

}  // namespace ptproxy
