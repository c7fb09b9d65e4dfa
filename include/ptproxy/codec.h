#pragma once
/// \file
/// The steady state of a transport: plain bytes to wire bytes and back, without sockets.

#include <ptproxy/chunk.h>
#include <ptproxy/result.h>

#include <chrono>
#include <vector>

namespace ptproxy {

/// What one write becomes on the wire: one chunk of bytes and, for transports that shape their timing, where to cut it
/// and how long to rest after each cut.
class Burst {
 public:
  struct Cut {
    std::size_t end;                 ///< write up to this byte of the burst,
    std::chrono::microseconds rest;  ///< then wait this long
  };
  explicit Burst(Chunk bytes) : bytes_(std::move(bytes)) {}
  ByteView bytes() const { return bytes_.bytes(); }
  std::size_t size() const { return bytes_.size(); }
  ByteSpan space() { return bytes_.space(); }
  void commit(std::size_t n) { bytes_.commit(n); }
  void append(ByteView more) { bytes_.append(more); }
  void cut(std::size_t end, std::chrono::microseconds rest) { cuts_.push_back({end, rest}); }
  const std::vector<Cut>& cuts() const { return cuts_; }
  Chunk take() { return std::move(bytes_); }

 private:
  Chunk bytes_;
  std::vector<Cut> cuts_;
};

class Codec {
 public:
  virtual ~Codec() = default;
  /// `plain` holds at most Chunk::read_limit bytes and may be changed in place; `wire` comes with a whole chunk of
  /// space.
  virtual Result<> encode(ByteSpan plain, Burst& wire) = 0;
  /// `wire` holds at most Chunk::read_limit bytes and may be changed in place; `plain` comes with a whole chunk of
  /// space. An unfinished frame is kept by the codec, in memory of that frame's size. On an error, what was decoded
  /// before it stands in `plain` and is delivered first.
  virtual Result<> decode(ByteSpan wire, Chunk& plain) = 0;
};

}  // namespace ptproxy
