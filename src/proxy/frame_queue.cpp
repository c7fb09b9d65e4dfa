#include "proxy/frame_queue.h"

#include <array>

namespace ptproxy {

bool FrameQueue::push(const DatagramFrame& frame) {
  static constexpr std::array<Byte, 3> zeros{};
  if (size_ + frame.size() > limit) return false;
  append(frame.head());
  append(frame.body());
  append(ByteView(zeros).first(frame.padding()));
  pieces_.back().datagrams += 1;
  pieces_.back().datagram_bytes += frame.body().size();
  size_ += frame.size();
  return true;
}

void FrameQueue::append(ByteView bytes) {
  while (!bytes.empty()) {
    if (pieces_.empty() || pieces_.back().bytes.size() == Chunk::read_limit) pieces_.push_back({chunks_.borrow()});
    auto& chunk = pieces_.back().bytes;
    const auto n = std::min(bytes.size(), Chunk::read_limit - chunk.size());
    chunk.append(bytes.first(n));
    bytes = bytes.subspan(n);
  }
}

FrameQueue::Piece FrameQueue::pop() {
  Piece oldest = std::move(pieces_.front());
  pieces_.erase(pieces_.begin());
  size_ -= oldest.bytes.size();
  return oldest;
}

std::uint64_t FrameQueue::clear() {
  std::uint64_t forgotten = 0;
  for (const auto& piece : pieces_) forgotten += piece.datagrams;
  pieces_.clear();
  size_ = 0;
  return forgotten;
}

}  // namespace ptproxy
