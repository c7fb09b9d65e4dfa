#pragma once
/// \file
/// A stream some of whose bytes have been read already.

#include <ptproxy/stream.h>

namespace ptproxy {

/// `stream`, with `early` before everything that it reads; `stream` itself when there is nothing early.
StreamPtr with_early_bytes(StreamPtr stream, ByteQueue early, ChunkPool& chunks);

}  // namespace ptproxy
