#pragma once
// Feeding a handshake in pieces, and comparing what came of it.

#include <ptproxy/handshake.h>

#include <algorithm>
#include <functional>
#include <memory>

namespace ptproxy::test {

/// How a talk went: what was said, how it ended, and what was not taken.
struct Talk {
  Bytes said;
  Bytes left;
  error_code error;
  bool done = false;
  bool operator==(const Talk&) const = default;
};

/// Hex with spaces allowed.
inline Bytes hex(std::string text) {
  std::erase(text, ' ');
  return from_hex(text).value();
}

inline Bytes text_bytes(std::string_view text) {
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Feeds `heard` in pieces; the talk begins with an empty piece. Stops at the end of the handshake; then everything
/// that was not taken, fed or not, is `left`. On an error nothing is left: who comes next does not come.
inline Talk talk(Handshake& handshake, const std::vector<Bytes>& pieces) {
  Talk talk;
  ByteQueue in, out;
  const auto advance = [&] {
    const auto step = handshake.advance(in, out);
    if (!step) talk.error = step.error();
    talk.done = step && *step == Handshake::Step::done;
    return step && *step == Handshake::Step::need_more;
  };
  bool goes_on = advance();
  for (const auto& piece : pieces) {
    in.append(piece);
    if (goes_on) goes_on = advance();
  }
  talk.said.assign(out.view().begin(), out.view().end());
  if (!talk.error) talk.left.assign(in.view().begin(), in.view().end());
  return talk;
}

inline std::vector<Bytes> pieces_of(const Bytes& heard, std::size_t size) {
  std::vector<Bytes> pieces;
  for (std::size_t at = 0; at < heard.size(); at += size)
    pieces.emplace_back(heard.begin() + static_cast<std::ptrdiff_t>(at),
                        heard.begin() + static_cast<std::ptrdiff_t>(std::min(at + size, heard.size())));
  return pieces;
}

using MakeHandshake = std::function<std::unique_ptr<Handshake>()>;

/// The talk when all comes at once. Fails the test when any cut in two, or pieces of 1, 2, 3 ... bytes, end otherwise.
inline Talk talk_in_every_slicing(const MakeHandshake& make, const Bytes& heard) {
  const auto run = [&](const std::vector<Bytes>& pieces) {
    auto handshake = make();
    return talk(*handshake, pieces);
  };
  const Talk whole = run({heard});
  const std::size_t cuts = std::min<std::size_t>(heard.size(), 600);
  for (std::size_t cut = 0; cut <= cuts; ++cut) {
    const auto middle = heard.begin() + static_cast<std::ptrdiff_t>(cut);
    EXPECT_EQ(run({Bytes(heard.begin(), middle), Bytes(middle, heard.end())}), whole) << "cut at " << cut;
  }
  for (std::size_t size = 1; size <= 7; ++size) EXPECT_EQ(run(pieces_of(heard, size)), whole) << "pieces of " << size;
  return whole;
}

inline void PrintTo(const Talk& talk, std::ostream* os) {
  *os << (talk.done    ? "done"
          : talk.error ? talk.error.message()
                       : "waiting")
      << ", said " << to_hex(talk.said) << ", left " << to_hex(talk.left);
}

}  // namespace ptproxy::test
