#pragma once
/// \file
/// The last few of something that is costly to make.

#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

namespace ptproxy {

/// Values by what they are made of: connections to one bridge share theirs. For one thread.
template <class Key, class Value>
class Recent {
 public:
  /// The value of this key, made now unless it is there still.
  template <class Make>
  std::shared_ptr<const Value> of(const Key& key, Make make) {
    for (const auto& [known, value] : rows_)
      if (known == key) return value;
    if (rows_.size() == keep) rows_.pop_front();
    rows_.emplace_back(key, std::make_shared<const Value>(make()));
    return rows_.back().second;
  }

 private:
  static constexpr std::size_t keep = 16;
  std::deque<std::pair<Key, std::shared_ptr<const Value>>> rows_;
};

}  // namespace ptproxy
