#pragma once
/// \file
/// Computations that take milliseconds, and so must not be done where connections wait for each other.

#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace ptproxy {

/// A computation that owns all it needs and touches nothing of anybody else's, so that any thread may do it, also after
/// whoever asked for it has gone.
using Work = std::function<void()>;

/// A value that some Work makes.
template <class T>
class Computed {
 public:
  /// The work that makes it out of `make()`. To be run once; the value is there when it has ended.
  template <class Make>
  Work by(Make make) {
    slot_ = std::make_shared<std::optional<T>>();
    return [slot = slot_, make = std::move(make)] { slot->emplace(make()); };
  }
  /// Whether by() was called.
  bool begun() const { return slot_ != nullptr; }
  /// Must not be asked while the work runs.
  bool ready() const { return slot_ && slot_->has_value(); }
  const T& operator*() const { return **slot_; }
  const T* operator->() const { return &**slot_; }

 private:
  std::shared_ptr<std::optional<T>> slot_;
};

}  // namespace ptproxy
