#pragma once
/// \file
/// Remembers which handshakes were seen lately, so that a recorded one is not answered again.

#include <ptproxy/bytes.h>
#include <ptproxy/random.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <vector>

namespace ptproxy {

/// Takes 32 to 80 bytes for each handshake it remembers, whatever the size of the MAC. For one thread.
class ReplayFilter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = TimePoint::duration;

  /// Forgets each MAC after `lifetime`, and the eldest when more than `capacity` come in that time; capacity must not
  /// be 0. The random key keeps strangers from foreseeing which MACs would collide.
  ReplayFilter(Random& random, Duration lifetime, std::size_t capacity);

  /// Remembers the MAC. True if it was not there yet. Times may come out of order, as those of accepting do: one before
  /// the newest entry counts as the newest, so that it makes the filter forget nothing.
  bool insert(TimePoint now, ByteView mac);

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint64_t digest;
    TimePoint seen;
  };

  std::uint64_t digest_of(ByteView mac) const;
  void forget_expired(TimePoint now);
  void forget_eldest();
  /// Where the digest stands in the table, or the free slot where it would.
  std::size_t slot_of(std::uint64_t digest) const;
  void resize_table(std::size_t slots);

  Secret<16> key_;
  Duration lifetime_;
  std::size_t capacity_;
  std::deque<Entry> entries_;         ///< eldest first
  std::vector<std::uint64_t> table_;  ///< open addressing; the size is a power of two, 0 a free slot
};

}  // namespace ptproxy
