#include "io/run_handshake.h"

#include <boost/asio/error.hpp>

#include <utility>

namespace ptproxy {

Awaitable<Result<>> write_all(Stream& stream, ChunkPool& chunks, ByteView bytes) {
  while (!bytes.empty()) {
    Chunk chunk = chunks.borrow();
    bytes = bytes.subspan(chunk.append(bytes.first(std::min(bytes.size(), Chunk::read_limit))));
    auto sent = co_await stream.write(std::move(chunk));
    if (!sent) co_return sent.error();
  }
  co_return Result<>();
}

Awaitable<Result<>> run_work(Workers* workers, Work work) {
  if (workers) co_return co_await workers->run(std::move(work));
  work();
  co_return Result<>();
}

Awaitable<Result<ByteQueue>> run_handshake(Stream& stream, ChunkPool& chunks, Handshake& handshake, ByteQueue early,
                                           Workers* workers) {
  ByteQueue in = std::move(early);
  Work work = handshake.take_work();
  for (;;) {
    if (work) {
      auto worked = co_await run_work(workers, std::exchange(work, nullptr));
      if (!worked) co_return worked.error();
    }
    ByteQueue out;
    const auto step = handshake.advance(in, out);
    auto sent = co_await write_all(stream, chunks, out.view());
    if (!step) co_return step.error();
    if (!sent) co_return sent.error();
    if (*step == Handshake::Step::done) co_return std::move(in);
    work = handshake.take_work();
    if (work) continue;
    auto heard = co_await stream.read();
    if (!heard) co_return heard.error();
    in.append(heard->bytes());
  }
}

bool hung_up(error_code why) {
  return why == asio::error::eof || why == asio::error::connection_reset || why == asio::error::broken_pipe;
}

Awaitable<Result<>> swallow(Stream& stream) {
  for (;;) {
    auto heard = co_await stream.read();
    if (!heard) co_return heard.error();
  }
}

}  // namespace ptproxy
