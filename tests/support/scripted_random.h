// Randomness that gives out what it was told to, so that what a handshake says is what was recorded.
#pragma once
#include <ptproxy/random.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>

namespace ptproxy::test {

class ScriptedRandom final : public Random {
 public:
  /// The next between(min, max) gives `number`.
  void will_draw(std::size_t min, std::size_t max, std::size_t number) {
    const auto n = static_cast<std::uint32_t>(max - min + 1);
    const auto draw = static_cast<std::uint32_t>(number - min) + n * 1000;  // not among those that are drawn again
    Bytes bytes(sizeof draw);
    std::memcpy(bytes.data(), &draw, sizeof draw);
    script_.push_back(bytes);
  }
  void will_fill(ByteView bytes) { script_.emplace_back(bytes.begin(), bytes.end()); }
  void fill(ByteSpan out) override {
    if (script_.empty()) return otherwise_.fill(out);
    ASSERT_EQ(script_.front().size(), out.size());
    std::ranges::copy(script_.front(), out.begin());
    script_.pop_front();
  }

 private:
  std::deque<Bytes> script_;
  SeededRandom otherwise_{3};
};

}  // namespace ptproxy::test
