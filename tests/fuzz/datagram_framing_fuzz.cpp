#include "fuzz/slices.h"
#include "wire/datagram_framing.h"

#include <algorithm>

namespace {

using namespace ptproxy;

/// What comes out of a stream, each datagram with its frame's size before it, and whether the stream was lost.
Bytes read(DatagramFraming framing, ByteView stream, std::size_t piece) {
  DatagramReader reader(framing);
  Bytes all;
  while (!stream.empty()) {
    const auto now = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(now.size());
    reader.feed(now);
    for (;;) {
      const auto datagram = reader.next();
      if (!datagram) {
        all.push_back('!');
        return all;
      }
      if (!*datagram) break;
      // Whatever a stream can carry is a datagram that can be put on a stream.
      const auto frame = frame_datagram(framing, **datagram);
      fuzz::require(frame && frame->body().size() == (*datagram)->size(),
                    "a datagram of a stream cannot be put back on one");
      all.insert(all.end(), {'|', static_cast<Byte>(frame->size() >> 8), static_cast<Byte>(frame->size())});
      all.insert(all.end(), (*datagram)->begin(), (*datagram)->end());
    }
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView stream(data, size);
  for (auto framing : {DatagramFraming::length_prefix, DatagramFraming::stun}) {
    (void)frame_datagram(framing, stream);
    const auto whole = read(framing, stream, size + 1);
    for (std::size_t piece : {1, 2, 3, 7, 100})
      fuzz::require(read(framing, stream, piece) == whole, "the pieces come to something else than the whole");
  }
  return 0;
}
