#pragma once
/// \file
/// Drives any Handshake over a Stream.

#include <ptproxy/handshake.h>
#include <ptproxy/workers.h>

namespace ptproxy {

/// Writes all of it, a chunk at a time. `bytes` outlives the call.
Awaitable<Result<>> write_all(Stream& stream, ChunkPool& chunks, ByteView bytes);

/// Has the work done, or does it in place when nobody else is there for it (nullptr).
Awaitable<Result<>> run_work(Workers* workers, Work work);

/// Talks until the handshake is done, and gives what the peer said beyond it. `early` is what the peer said before. A
/// peer that ends the stream first is eof.
Awaitable<Result<ByteQueue>> run_handshake(Stream& stream, ChunkPool& chunks, Handshake& handshake,
                                           ByteQueue early = {}, Workers* workers = nullptr);

/// Whether a talk failed because the peer, once connected, went away, be it orderly or not.
bool hung_up(error_code why);

/// Reads and forgets until the peer ends.
Awaitable<Result<>> swallow(Stream& stream);

}  // namespace ptproxy
