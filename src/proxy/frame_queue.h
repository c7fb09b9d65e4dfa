#pragma once
/// \file
/// Frames on their way to a transport.

#include <ptproxy/chunk.h>

#include "wire/datagram_framing.h"

#include <cstdint>
#include <vector>

namespace ptproxy {

/// Fills one chunk after the other with frames, so that many datagrams become one write. Bounded; owns no chunk while
/// empty. The chunk pool outlives it.
class FrameQueue {
 public:
  /// More bytes than this do not wait for one transport.
  static constexpr std::size_t limit = 256 * 1024;
  explicit FrameQueue(ChunkPool& chunks) : chunks_(chunks) {}

  /// Bytes of one write, at most Chunk::read_limit.
  class Piece {
   public:
    Chunk bytes;
    std::uint64_t datagrams = 0;       ///< that end in it
    std::uint64_t datagram_bytes = 0;  ///< of those, without framing
  };

  /// Takes the whole frame or, when it does not fit, nothing and says false.
  bool push(const DatagramFrame& frame);
  bool empty() const { return pieces_.empty(); }
  /// The oldest. The queue must not be empty.
  Piece pop();
  /// Forgets everything; how many datagrams that was.
  std::uint64_t clear();

 private:
  void append(ByteView bytes);
  ChunkPool& chunks_;
  std::vector<Piece> pieces_;
  std::size_t size_ = 0;
};

}  // namespace ptproxy
