#include "transports/obfs4/key_pair_pool.h"

#include "io/spawn.h"

namespace ptproxy::obfs4 {
namespace {

/// When nobody has taken one for so long, the loop has time.
constexpr std::chrono::milliseconds quiet{10};
/// And between two others get their turn.
constexpr std::chrono::milliseconds breath{1};

}  // namespace

KeyPair KeyPairPool::take() {
  next_ = services_.clock.now() + quiet;
  if (!refilling_) {
    refilling_ = true;
    spawn(services_.executor, "key pairs", refill());
  }
  if (ready_.empty()) make_some();
  KeyPair pair = ready_.front();
  ready_.pop_front();
  return pair;
}

void KeyPairPool::make_some() {
  for (auto& pair : KeyPair::generate_some(services_.random)) ready_.push_back(pair);
}

Awaitable<> KeyPairPool::refill() {
  while (ready_.size() < enough) {
    auto slept = co_await services_.clock.sleep_until(next_);
    if (!slept) break;
    if (services_.clock.now() < next_) continue;  // one was taken meanwhile
    make_some();
    next_ = services_.clock.now() + breath;
  }
  refilling_ = false;
}

}  // namespace ptproxy::obfs4
