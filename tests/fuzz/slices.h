#pragma once
/// \file
/// The law that every handshake must keep, whatever bytes it is fed: in pieces it comes to the same as in one.

#include <ptproxy/codec.h>
#include <ptproxy/handshake.h>

#include <cstdio>
#include <cstdlib>

namespace ptproxy::fuzz {

inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

/// What a talk came to.
class Outcome {
 public:
  bool done = false;
  error_code error;
  Bytes said, left;
  bool operator==(const Outcome&) const = default;
};

/// Feeds `bytes` in pieces of `piece` bytes, then the rest as early data, as a stream would.
inline Outcome talk(Handshake& handshake, ByteView bytes, std::size_t piece) {
  Outcome outcome;
  ByteQueue in, out;
  for (bool first = true; first || !bytes.empty(); first = false) {
    const auto part = first ? ByteView() : bytes.first(std::min(piece, bytes.size()));
    in.append(part);
    bytes = bytes.subspan(part.size());
    const auto step = handshake.advance(in, out);
    if (!step) outcome.error = step.error();
    outcome.done = step && *step == Handshake::Step::done;
    if (!step || outcome.done) break;
  }
  outcome.said.assign(out.view().begin(), out.view().end());
  if (outcome.done) {
    in.append(bytes);
    outcome.left.assign(in.view().begin(), in.view().end());
  }
  return outcome;
}

/// `make` gives a fresh handshake each time.
template <class Make>
void whole_equals_slices(Make make, ByteView bytes) {
  auto whole_handshake = make();
  const auto whole = talk(*whole_handshake, bytes, bytes.size() + 1);
  for (std::size_t piece : {1u, 3u}) {
    auto handshake = make();
    require(talk(*handshake, bytes, piece) == whole, "the pieces come to something else than the whole");
  }
}

}  // namespace ptproxy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
