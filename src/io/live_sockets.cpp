#include "io/live_sockets.h"

namespace ptproxy {

void LiveSockets::drain(std::function<void()> on_empty) {
  draining_ = true;
  on_empty_ = std::move(on_empty);
  if (members_.empty()) return on_empty_();
  // A member only cancels here; the coroutine that waits in it runs, and may die, later.
  for (auto& member : members_) member.drain();
}

void LiveSockets::end_quiet() {
  for (auto& member : members_) member.end_if_quiet();
}

void LiveSockets::cut() {
  for (auto& member : members_) member.cut();
}

}  // namespace ptproxy
