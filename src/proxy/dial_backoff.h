#pragma once
/// \file
/// How soon to try again what failed. Pure: the time comes in as a value.

#include <ptproxy/clock.h>

#include <map>

namespace ptproxy {

/// After a failure a key rests one second, then twice as long each time, up to 30 seconds; so a sender that does not
/// stop sending does not make us dial without stop. Remembers a bounded number of keys, each until 30 seconds after its
/// rest.
template <class Key>
class DialBackoff {
 public:
  static constexpr Clock::Duration first_rest = std::chrono::seconds(1), longest_rest = std::chrono::seconds(30);
  explicit DialBackoff(std::size_t most_keys) : most_keys_(most_keys) {}

  /// Whether `key` may dial now. Also no while as many others rest as are remembered.
  bool allows(const Key& key, Clock::TimePoint now) {
    const auto found = failures_.find(key);
    if (found != failures_.end()) return now >= found->second.until;
    if (failures_.size() >= most_keys_) forget_old(now);
    return failures_.size() < most_keys_;
  }
  void failed(const Key& key, Clock::TimePoint now) {
    auto& failure = failures_[key];
    failure.rest = std::clamp(failure.rest * 2, first_rest, longest_rest);
    failure.until = now + failure.rest;
  }
  void succeeded(const Key& key) { failures_.erase(key); }

 private:
  struct Failure {
    Clock::Duration rest{};
    Clock::TimePoint until;
  };
  void forget_old(Clock::TimePoint now) {
    std::erase_if(failures_, [&](const auto& row) { return now >= row.second.until + longest_rest; });
  }

  std::size_t most_keys_;
  std::map<Key, Failure> failures_;
};

}  // namespace ptproxy
