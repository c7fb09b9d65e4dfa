#pragma once
/// \file
/// The sessions of a server, by name.

#include "transports/meek/server_session.h"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace ptproxy::meek {

/// Bounded in every way. Time comes in as a value.
class SessionTable {
 public:
  static constexpr std::size_t shortest_id = 8, longest_id = 128;
  /// A session that nobody asks for is forgotten after this.
  static constexpr std::chrono::seconds idle_limit{120};
  /// A name that has ended is not taken for a new session so long: its client may not have noticed yet.
  static constexpr std::chrono::seconds buried_for{240};
  static constexpr std::size_t most_buried = 16384;
  static constexpr std::size_t most_per_client = 512;

  /// `spares_this_machine`: clients on this machine may have any number of sessions, as they all do behind a reverse
  /// proxy that does not say whom it speaks for.
  SessionTable(std::size_t most, bool spares_this_machine) : most_(most), spares_this_machine_(spares_this_machine) {}
  /// Visible ASCII of a fitting length.
  static bool is_valid_id(std::string_view id);
  /// nullptr when there is none.
  std::shared_ptr<ServerSession> find(const std::string& id) const;
  bool is_full_for(const std::optional<Endpoint>& client) const;
  void add(const std::string& id, std::shared_ptr<ServerSession> session) { sessions_.emplace(id, std::move(session)); }
  /// Ends the session; its name may come again.
  void remove(const std::string& id);
  /// Ends the session and remembers its name.
  void bury(const std::string& id, Clock::TimePoint now);
  bool is_buried(const std::string& id, Clock::TimePoint now);
  /// Buries what has been idle for too long.
  void expire(Clock::TimePoint now);
  bool empty() const { return sessions_.empty(); }
  std::size_t size() const { return sessions_.size(); }

 private:
  void forget_old_graves(Clock::TimePoint now);

  std::size_t most_;
  bool spares_this_machine_;
  std::unordered_map<std::string, std::shared_ptr<ServerSession>> sessions_;
  std::unordered_map<std::string, Clock::TimePoint> buried_;     // until when
  std::deque<std::pair<Clock::TimePoint, std::string>> graves_;  // the same in order of time
};

}  // namespace ptproxy::meek
