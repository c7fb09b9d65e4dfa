#pragma once
/// \file
/// A seed whose table of lengths gives it away: it holds only zero, so every burst that it shapes fills its last
/// segment.

#include "support/vectors.h"
#include "transports/obfs4/codec.h"

#include <gtest/gtest.h>

namespace ptproxy::obfs4 {

inline SipHashDrbg::Seed zero_lengths() {
  return test::array_of<24>("aa5f8fadece6b9a6f61a805a1801851e7d6f6d8a05176b7f");
}

/// Whether the codec's bursts have that seed's shape now.
inline bool sends_whole_segments(Codec& codec, ChunkPool& chunks) {
  for (int i = 0; i < 10; ++i) {
    Bytes plain(100);
    Burst burst(chunks.borrow());
    EXPECT_TRUE(codec.encode(plain, burst));
    if (burst.size() % segment_size != 0) return false;
  }
  return true;
}

}  // namespace ptproxy::obfs4
