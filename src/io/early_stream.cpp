#include "io/early_stream.h"

#include <algorithm>

namespace ptproxy {
namespace {

class EarlyStream final : public Stream {
 public:
  EarlyStream(StreamPtr stream, ByteQueue early, ChunkPool& chunks)
      : stream_(std::move(stream)), early_(std::move(early)), chunks_(chunks) {}
  Awaitable<Result<Chunk>> read() override {
    if (early_.empty()) co_return co_await stream_->read();
    Chunk chunk = chunks_.borrow();
    early_.drop_front(chunk.append(early_.view().first(std::min(early_.size(), Chunk::read_limit))));
    co_return std::move(chunk);
  }
  Awaitable<Result<>> write(Chunk bytes) override { return stream_->write(std::move(bytes)); }
  void shutdown_write() override { stream_->shutdown_write(); }
  void close() override { stream_->close(); }
  std::optional<Endpoint> peer() const override { return stream_->peer(); }

 private:
  StreamPtr stream_;
  ByteQueue early_;
  ChunkPool& chunks_;
};

}  // namespace

StreamPtr with_early_bytes(StreamPtr stream, ByteQueue early, ChunkPool& chunks) {
  if (early.empty()) return stream;
  return std::make_unique<EarlyStream>(std::move(stream), std::move(early), chunks);
}

}  // namespace ptproxy
