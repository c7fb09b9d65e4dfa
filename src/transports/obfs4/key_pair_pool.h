#pragma once
/// \file
/// Key pairs made before they are wanted: each takes a twentieth of a millisecond or more, which a handshake need not
/// wait for.

#include <ptproxy/transport.h>

#include "crypto/elligator2.h"

#include <deque>

namespace ptproxy::obfs4 {

/// Begins with the first pair that is taken, so that a transport that nobody uses costs nothing.
class KeyPairPool {
 public:
  static constexpr std::size_t enough = 16;
  /// The services outlive this; this outlives the loop's last turn.
  explicit KeyPairPool(Services& services) : services_(services) {}
  /// One that nobody else gets: a ready one, or one made now.
  KeyPair take();
  std::size_t ready() const { return ready_.size(); }

 private:
  void make_some();
  Awaitable<> refill();

  Services& services_;
  std::deque<KeyPair> ready_;
  Clock::TimePoint next_;  // not before this the next is made
  bool refilling_ = false;
};

}  // namespace ptproxy::obfs4
