#pragma once
/// \file
/// The `signals` of pt-2.0-draft-1 section 3.2.2: messages to the other side that do not go over the network. The
/// parent, or a person with a mail program, carries them; docs/signals.md tells how.

#include <ptproxy/stream.h>

#include <string>
#include <string_view>

namespace ptproxy {

/// A transport's pipe to its other side: from a client to the server and back. Whoever carries a message may lose,
/// delay or repeat it, or make one up, and reads it: no secret travels here, and nothing that comes out is to be
/// trusted.
class Signals {
 public:
  static constexpr std::size_t longest_payload = 3900;
  virtual ~Signals() = default;
  /// Hands a message over. It is one JSON object in printable ASCII, of at most longest_payload bytes, with a string
  /// `t` that names its kind. Nothing tells whether it arrives. The same message within a minute goes only once.
  virtual Checked<> send(std::string_view payload) = 0;
  /// The next message. Up to 64 wait here, then the oldest is dropped. An error only when the waiter is cancelled. One
  /// waiter at a time.
  virtual Awaitable<Result<std::string>> receive() = 0;
};

}  // namespace ptproxy
