#include <ptproxy/chunk.h>

#include <algorithm>

namespace ptproxy {

std::size_t Chunk::append(ByteView more) {
  const auto n = std::min(more.size(), space().size());
  std::copy_n(more.begin(), n, space().begin());
  commit(n);
  return n;
}

Chunk::~Chunk() {
  if (memory_) pool_->take_back(std::move(memory_));
}

Chunk ChunkPool::borrow() {
  ++lent_;
  if (idle_.empty()) return {*this, std::make_unique_for_overwrite<Byte[]>(Chunk::capacity)};
  auto memory = std::move(idle_.back());
  idle_.pop_back();
  return {*this, std::move(memory)};
}

void ChunkPool::take_back(std::unique_ptr<Byte[]> memory) {
  --lent_;
  if (idle_.size() < keep) idle_.push_back(std::move(memory));
}

}  // namespace ptproxy
