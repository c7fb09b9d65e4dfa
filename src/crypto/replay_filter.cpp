#include "crypto/replay_filter.h"

#include <sodium.h>

#include <algorithm>
#include <bit>

namespace ptproxy {
namespace {

constexpr std::size_t smallest_table = 64;

}  // namespace

ReplayFilter::ReplayFilter(Random& random, Duration lifetime, std::size_t capacity)
    : lifetime_(lifetime), capacity_(capacity), table_(smallest_table) {
  random.fill(key_.span());
}

bool ReplayFilter::insert(TimePoint now, ByteView mac) {
  if (!entries_.empty()) now = std::max(now, entries_.back().seen);
  forget_expired(now);
  const auto digest = digest_of(mac);
  if (table_[slot_of(digest)] == digest) return false;
  if (entries_.size() == capacity_) forget_eldest();
  if (2 * (entries_.size() + 1) > table_.size()) resize_table(2 * table_.size());
  entries_.push_back({digest, now});
  table_[slot_of(digest)] = digest;
  return true;
}

std::uint64_t ReplayFilter::digest_of(ByteView mac) const {
  ByteArray<crypto_shorthash_BYTES> hash;
  crypto_shorthash(hash.data(), mac.data(), mac.size(), key_.data());
  const auto digest = std::bit_cast<std::uint64_t>(hash);
  return digest == 0 ? 1 : digest;
}

void ReplayFilter::forget_expired(TimePoint now) {
  while (!entries_.empty() && now - entries_.front().seen >= lifetime_) forget_eldest();
  if (table_.size() > smallest_table && 8 * entries_.size() < table_.size()) resize_table(table_.size() / 2);
}

void ReplayFilter::forget_eldest() {
  auto hole = slot_of(entries_.front().digest);
  entries_.pop_front();
  // Digests behind the hole move up, so that none is cut off from the slot where its search begins.
  const auto mask = table_.size() - 1;
  for (auto next = (hole + 1) & mask; table_[next] != 0; next = (next + 1) & mask) {
    const auto way = (next - table_[next]) & mask;
    if (way < ((next - hole) & mask)) continue;
    table_[hole] = table_[next];
    hole = next;
  }
  table_[hole] = 0;
}

std::size_t ReplayFilter::slot_of(std::uint64_t digest) const {
  const auto mask = table_.size() - 1;
  auto slot = digest & mask;
  while (table_[slot] != 0 && table_[slot] != digest) slot = (slot + 1) & mask;
  return slot;
}

void ReplayFilter::resize_table(std::size_t slots) {
  table_ = std::vector<std::uint64_t>(slots);
  for (const auto& entry : entries_) table_[slot_of(entry.digest)] = entry.digest;
}

}  // namespace ptproxy
