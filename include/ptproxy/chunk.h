#pragma once
/// \file
/// A borrowed run of bytes that goes home by itself.

#include <ptproxy/bytes.h>

#include <memory>
#include <utility>

namespace ptproxy {

class ChunkPool;

/// Up to `capacity` bytes, borrowed from a pool and returned to it when the chunk dies, so that a connection that waits
/// for traffic owns none. Moved, never copied: one function owns it at a time.
class Chunk {
 public:
  static constexpr std::size_t capacity = 64 * 1024;
  /// The most that one read of a stream gives. A codec can therefore put what it makes of it into one other chunk.
  static constexpr std::size_t read_limit = 32 * 1024;

  Chunk() = default;
  Chunk(Chunk&& other) noexcept { swap(other); }
  Chunk& operator=(Chunk&& other) noexcept {
    Chunk dying(std::move(other));
    swap(dying);
    return *this;
  }
  ~Chunk();

  ByteView bytes() const { return {memory_.get() + begin_, end_ - begin_}; }
  /// The bytes, to be changed in place.
  ByteSpan bytes() { return {memory_.get() + begin_, end_ - begin_}; }
  ByteSpan space() { return {memory_.get() + end_, memory_ ? capacity - end_ : 0}; }
  /// The first n bytes of space() hold something now.
  void commit(std::size_t n) { end_ += n; }
  void drop_front(std::size_t n) { begin_ += n; }
  bool empty() const { return begin_ == end_; }
  std::size_t size() const { return end_ - begin_; }
  /// Copies what fits; returns how much that was.
  std::size_t append(ByteView more);

 private:
  friend class ChunkPool;
  Chunk(ChunkPool& pool, std::unique_ptr<Byte[]> memory) : pool_(&pool), memory_(std::move(memory)) {}
  void swap(Chunk& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(memory_, other.memory_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
  }

  ChunkPool* pool_ = nullptr;
  std::unique_ptr<Byte[]> memory_;
  std::size_t begin_ = 0, end_ = 0;
};

/// Keeps a few dozen chunks' memory for the next borrower and frees the rest. For one thread; outlives its chunks.
class ChunkPool {
 public:
  Chunk borrow();
  /// How many are out.
  std::size_t lent() const { return lent_; }

 private:
  friend class Chunk;
  static constexpr std::size_t keep = 32;
  void take_back(std::unique_ptr<Byte[]> memory);

  std::vector<std::unique_ptr<Byte[]>> idle_;
  std::size_t lent_ = 0;
};

}  // namespace ptproxy
