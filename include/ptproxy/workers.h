#pragma once
/// \file
/// Who does the work that would hold up the event loop.

#include <ptproxy/stream.h>
#include <ptproxy/work.h>

namespace ptproxy {

class Workers {
 public:
  virtual ~Workers() = default;
  /// Done when the work has been done, elsewhere. Errc::overloaded when too much waits already, so that strangers
  /// cannot make others wait for long. When the waiter is cancelled, work that has begun ends unheard, and work that
  /// has not never begins.
  virtual Awaitable<Result<>> run(Work work) = 0;
};

}  // namespace ptproxy
