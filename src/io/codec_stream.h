#pragma once
/// \file
/// A Codec over a Stream, as a Stream.

#include <ptproxy/clock.h>
#include <ptproxy/codec.h>

namespace ptproxy {

class CodecStream final : public Stream {
 public:
  /// `early` is what the peer said behind its handshake. The chunk pool and the clock outlive the stream.
  CodecStream(StreamPtr wire, std::unique_ptr<Codec> codec, ByteQueue early, ChunkPool& chunks, Clock& clock);
  Awaitable<Result<Chunk>> read() override;
  Awaitable<Result<>> write(Chunk plain) override;
  void shutdown_write() override { wire_->shutdown_write(); }
  void close() override { wire_->close(); }
  std::optional<Endpoint> peer() const override { return wire_->peer(); }

 private:
  Awaitable<Result<>> write_in_pieces(Burst burst);

  StreamPtr wire_;
  std::unique_ptr<Codec> codec_;
  ByteQueue early_;
  ChunkPool& chunks_;
  Clock& clock_;
  error_code broken_;  // what ended decoding, told after the bytes before it
};

}  // namespace ptproxy
