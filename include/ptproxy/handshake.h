#pragma once
/// \file
/// A talk before bytes flow.

#include <ptproxy/bytes.h>
#include <ptproxy/result.h>
#include <ptproxy/work.h>

namespace ptproxy {

/// What two sides say before bytes may flow: SOCKS, Extended ORPort, HTTP CONNECT, a transport's own. Knows no socket
/// and no clock: bytes in, bytes out.
class Handshake {
 public:
  enum class Step { need_more, done };
  virtual ~Handshake() = default;
  /// Takes what it understands from the front of `in` and puts what is to be said into `out`. The first call, which may
  /// come with `in` empty, starts the talk. What is left in `in` after `done` belongs to whoever comes next. On an
  /// error `out` may still hold a last word for the peer. Not called again after `done` or an error.
  virtual Result<Step> advance(ByteQueue& in, ByteQueue& out) = 0;
  /// What has to be computed before the talk can go on, where that takes milliseconds. Asked for before the first
  /// advance() and after each that needs more; when there is any, advance() comes next once it is done, whether or not
  /// something was heard in between.
  virtual Work take_work() { return nullptr; }
};

}  // namespace ptproxy
