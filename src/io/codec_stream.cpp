#include "io/codec_stream.h"

#include "io/run_handshake.h"

namespace ptproxy {

CodecStream::CodecStream(StreamPtr wire, std::unique_ptr<Codec> codec, ByteQueue early, ChunkPool& chunks, Clock& clock)
    : wire_(std::move(wire)), codec_(std::move(codec)), early_(std::move(early)), chunks_(chunks), clock_(clock) {}

Awaitable<Result<Chunk>> CodecStream::read() {
  for (;;) {
    if (broken_) co_return broken_;
    Chunk wire;
    if (early_.empty()) {
      auto heard = co_await wire_->read();
      if (!heard) co_return heard.error();
      wire = std::move(*heard);
    } else {
      wire = chunks_.borrow();
      early_.drop_front(wire.append(early_.view().first(std::min(early_.size(), Chunk::read_limit))));
    }
    Chunk plain = chunks_.borrow();
    auto decoded = codec_->decode(wire.bytes(), plain);
    if (!decoded) broken_ = decoded.error();
    if (!plain.empty()) co_return std::move(plain);
  }
}

Awaitable<Result<>> CodecStream::write(Chunk plain) {
  Burst burst(chunks_.borrow());
  auto encoded = codec_->encode(plain.bytes(), burst);
  if (!encoded) co_return encoded.error();
  plain = {};
  if (burst.cuts().empty()) co_return co_await wire_->write(burst.take());
  co_return co_await write_in_pieces(std::move(burst));
}

Awaitable<Result<>> CodecStream::write_in_pieces(Burst burst) {
  std::size_t begin = 0;
  for (const auto& cut : burst.cuts()) {
    auto sent = co_await write_all(*wire_, chunks_, burst.bytes().subspan(begin, cut.end - begin));
    if (!sent) co_return sent.error();
    begin = cut.end;
    if (cut.rest.count() == 0) continue;
    auto rested = co_await clock_.sleep_until(clock_.now() + cut.rest);
    if (!rested) co_return rested.error();
  }
  co_return co_await write_all(*wire_, chunks_, burst.bytes().subspan(begin));
}

}  // namespace ptproxy
