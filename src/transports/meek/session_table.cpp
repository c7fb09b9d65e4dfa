#include "transports/meek/session_table.h"

#include <algorithm>

namespace ptproxy::meek {

bool SessionTable::is_valid_id(std::string_view id) {
  return id.size() >= shortest_id && id.size() <= longest_id &&
         std::ranges::all_of(id, [](char c) { return c > 0x20 && c < 0x7f; });
}

std::shared_ptr<ServerSession> SessionTable::find(const std::string& id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second;
}

bool SessionTable::is_full_for(const std::optional<Endpoint>& client) const {
  if (sessions_.size() >= most_) return true;
  if (!client || (spares_this_machine_ && client->is_loopback())) return false;
  const auto theirs = std::ranges::count_if(sessions_, [&](const auto& row) { return row.second->client() == client; });
  return static_cast<std::size_t>(theirs) >= most_per_client;
}

void SessionTable::remove(const std::string& id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  const auto session = std::move(found->second);
  sessions_.erase(found);
  session->session().fail(asio::error::connection_reset);
}

void SessionTable::bury(const std::string& id, Clock::TimePoint now) {
  remove(id);
  forget_old_graves(now);
  const auto until = now + buried_for;
  buried_[id] = until;
  graves_.emplace_back(until, id);
}

bool SessionTable::is_buried(const std::string& id, Clock::TimePoint now) {
  forget_old_graves(now);
  return buried_.contains(id);
}

void SessionTable::expire(Clock::TimePoint now) {
  std::vector<std::string> idle;
  for (const auto& [id, session] : sessions_)
    if (!session->is_busy() && session->last_used() + idle_limit <= now) idle.push_back(id);
  for (const auto& id : idle) bury(id, now);
}

void SessionTable::forget_old_graves(Clock::TimePoint now) {
  while (!graves_.empty() && (graves_.front().first <= now || graves_.size() >= most_buried)) {
    const auto& [until, id] = graves_.front();
    // Who was buried again rests longer.
    if (const auto found = buried_.find(id); found != buried_.end() && found->second == until) buried_.erase(found);
    graves_.pop_front();
  }
}

}  // namespace ptproxy::meek
