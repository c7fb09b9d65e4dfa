#include <ptproxy/random.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace ptproxy {
namespace {

TEST(SystemRandom, GivesNothingTwiceInWhateverPieces) {
  SystemRandom random, other;
  std::set<std::uint64_t> seen;
  std::size_t given = 0;
  for (std::size_t size = 8; size < 400; ++size) {
    for (auto* source : {&random, &other}) {
      Bytes piece(size);
      source->fill(piece);
      for (std::size_t at = 0; at + 8 <= size; at += 8, ++given) {
        std::uint64_t word = 0;
        std::copy_n(piece.begin() + static_cast<std::ptrdiff_t>(at), 8, reinterpret_cast<Byte*>(&word));
        seen.insert(word);
      }
    }
  }
  EXPECT_EQ(seen.size(), given);
}

TEST(SystemRandom, FillsAllOfEverySize) {
  SystemRandom random;
  for (std::size_t size = 0; size < 200; ++size) {
    // A byte that stays 0 in all of 16 goes does so by chance once in 2^128.
    Bytes any(size);
    for (int go = 0; go < 16; ++go) {
      Bytes piece(size);
      random.fill(piece);
      for (std::size_t i = 0; i < size; ++i) any[i] |= piece[i];
    }
    EXPECT_EQ(std::ranges::count(any, 0), 0) << size;
  }
}

}  // namespace
}  // namespace ptproxy
