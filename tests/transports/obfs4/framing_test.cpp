#include "transports/obfs4/framing.h"

#include "support/vectors.h"
#include "transports/obfs4/codec.h"
#include "transports/obfs4/zero_lengths.h"

#include <gtest/gtest.h>

#include <set>

namespace ptproxy::obfs4 {
namespace {

DirectionKeys keys_of(const Bytes& key72) {
  return DirectionKeys(std::span<const Byte, 72>(key72.data(), 72));
}

Bytes sealed(FrameEncoder& encoder, ByteView payload) {
  Bytes frame(frame_overhead + payload.size());
  std::ranges::copy(payload, frame.begin() + frame_overhead);
  EXPECT_TRUE(encoder.seal(frame));
  return frame;
}

class FramingTest : public ::testing::Test {
 protected:
  Bytes key72 = Bytes(72, 0x5a);
  FrameEncoder encoder{keys_of(key72)};
  FrameDecoder decoder{keys_of(key72), 100};

  /// What the decoder makes of `wire` when it comes in pieces of `piece` bytes; ends at the first error.
  std::pair<std::vector<Bytes>, error_code> decode(Bytes wire, std::size_t piece) {
    std::vector<Bytes> payloads;
    for (std::size_t at = 0; at < wire.size(); at += piece) {
      auto part = ByteSpan(wire).subspan(at, std::min(piece, wire.size() - at));
      while (!part.empty()) {
        auto payload = decoder.next(part);
        if (!payload) return {payloads, payload.error()};
        if (*payload) payloads.emplace_back((*payload)->begin(), (*payload)->end());
      }
    }
    return {payloads, {}};
  }
};

TEST(Framing, MatchesTheVectors) {
  const auto vectors = test::read_vectors("obfs4_framing.json");
  for (const auto& row : test::list_of(vectors, "sequences")) {
    FrameEncoder encoder(keys_of(test::bytes_of(row.at("key72"))));
    for (const auto& frame : row.at("frames").as_array())
      EXPECT_EQ(to_hex(sealed(encoder, test::bytes_of(frame.at("payload")))), test::text_of(frame.at("frame")));
  }
}

TEST_F(FramingTest, OpensFramesThatComeInPiecesOfAnySize) {
  std::vector<Bytes> payloads;
  Bytes wire;
  for (std::size_t size : {0u, 1u, 2u, 100u, 1429u, 1430u}) {
    payloads.emplace_back(size, static_cast<Byte>(size));
    const auto frame = sealed(encoder, payloads.back());
    wire.insert(wire.end(), frame.begin(), frame.end());
  }
  for (std::size_t piece : {1u, 2u, 3u, 17u, 1000u, 100000u}) {
    decoder = FrameDecoder(keys_of(key72), 100);
    EXPECT_EQ(decode(wire, piece), std::pair(payloads, error_code())) << piece;
  }
}

TEST_F(FramingTest, RefusesAFlippedBitAnywhereInTheBox) {
  const auto frame = sealed(encoder, Bytes(5, 1));
  for (std::size_t at = 2; at < frame.size(); ++at) {
    auto tampered = frame;
    tampered[at] ^= 0x10;
    decoder = FrameDecoder(keys_of(key72), 100);
    EXPECT_EQ(decode(tampered, tampered.size()).second, Errc::bad_message) << at;
  }
}

TEST_F(FramingTest, CollectsARandomNumberOfBytesBeforeItTellsAnImpossibleLength) {
  auto wire = sealed(encoder, Bytes(5, 1));
  wire[0] ^= 0x80;  // now far above the largest length
  wire.resize(2 + 99);
  EXPECT_FALSE(decode(wire, 10).second);
  EXPECT_EQ(decode(Bytes(1), 1).second, Errc::bad_message);  // the hundredth byte
}

TEST_F(FramingTest, RefusesARepeatedFrame) {
  const auto frame = sealed(encoder, Bytes(5, 1));
  EXPECT_FALSE(decode(frame, frame.size()).second);
  auto again = frame;
  again.resize(2000);
  EXPECT_EQ(decode(again, again.size()).second, Errc::bad_message);
}

TEST(Padding, MatchesObfs4proxys) {
  const auto vectors = test::read_vectors("obfs4_padding.json");
  for (const auto& row : test::list_of(vectors, "cases")) {
    const auto burst = row.at("burst_length").to_number<std::size_t>();
    const auto padding = pad_burst(burst, row.at("target").to_number<std::size_t>());
    std::vector<std::size_t> lengths, expected;
    for (const auto& frame : {padding.first, padding.second})
      if (frame) lengths.push_back(*frame + packet_overhead);
    for (const auto& length : row.at("appended_frame_lengths").as_array())
      expected.push_back(length.to_number<std::size_t>());
    EXPECT_EQ(lengths, expected) << burst;
  }
}

class CodecTest : public ::testing::Test {
 protected:
  Obfs4Codec codec(SeedRule seed_rule, IatMode iat_mode, const SipHashDrbg::Seed& seed = {}) {
    return {seed_rule, FrameEncoder(keys_of(key72)),     FrameDecoder(keys_of(key72), 100),
            seed,      Shaping(shapes, iat_mode, false), random};
  }
  Bytes plain_of(std::size_t size) {
    Bytes plain(size);
    random.fill(plain);
    return plain;
  }
  Bytes decoded(Obfs4Codec& with, Bytes wire, std::size_t piece) {
    Bytes all;
    for (std::size_t at = 0; at < wire.size(); at += piece) {
      Chunk plain = chunks.borrow();
      EXPECT_TRUE(with.decode(ByteSpan(wire).subspan(at, std::min(piece, wire.size() - at)), plain));
      all.insert(all.end(), plain.bytes().begin(), plain.bytes().end());
    }
    return all;
  }
  /// Whether the rests come from the table of delays, as it is drawn from, and are not all the same.
  static bool rests_are_shaped(const Burst& burst) {
    std::set<std::chrono::microseconds> rests;
    for (const auto& cut : burst.cuts()) rests.insert(cut.rest);
    return rests.size() > 1 && *rests.begin() >= rests.begin()->zero() &&
           *rests.rbegin() <= std::chrono::milliseconds(10);
  }
  Bytes seed_packet(ByteView seed) {
    FrameEncoder encoder(keys_of(key72));
    Bytes wire(2000);
    wire.resize(write_packet(encoder, wire, PacketType::prng_seed, seed, 0).value());
    return wire;
  }
  Bytes key72 = Bytes(72, 0x77);
  Shapes shapes;
  SeededRandom random{7};
  ChunkPool chunks;
};

TEST_F(CodecTest, CarriesBurstsOfEverySizeInEveryIatMode) {
  for (auto iat_mode : {IatMode::none, IatMode::segments, IatMode::everything}) {
    auto sender = codec(SeedRule::at_once, iat_mode), receiver = codec(SeedRule::never, IatMode::none);
    for (std::size_t size : {1u, 1426u, 1427u, 1428u, 10000u, 32768u}) {
      const auto plain = plain_of(size);
      auto copy = plain;
      Burst burst(chunks.borrow());
      ASSERT_TRUE(sender.encode(copy, burst));
      EXPECT_EQ(decoded(receiver, Bytes(burst.bytes().begin(), burst.bytes().end()), 30000), plain) << size;
    }
  }
}

TEST_F(CodecTest, PadsEachBurstToALengthOfTheTable) {
  const SipHashDrbg::Seed seed{1, 2, 3};
  auto sender = codec(SeedRule::never, IatMode::none, seed);
  const auto shape = shapes.of(seed, Shaping(shapes, IatMode::none, false).form());
  for (int i = 0; i < 200; ++i) {
    auto plain = plain_of(1 + random.below(5000));
    Burst burst(chunks.borrow());
    ASSERT_TRUE(sender.encode(plain, burst));
    const auto tail = burst.size() % segment_size;
    bool allowed = false;
    for (auto value : shape->lengths.values())  // or what a gap too small for one frame makes of it
      allowed = allowed || tail == value % segment_size || tail == (value + packet_overhead) % segment_size;
    EXPECT_TRUE(allowed) << tail;
  }
}

TEST_F(CodecTest, MakesBurstsAsLongAsObfs4proxys) {
  const SipHashDrbg::Seed seed{1, 2, 3};
  auto sender = codec(SeedRule::never, IatMode::none, seed), receiver = codec(SeedRule::at_once, IatMode::none);
  const auto shape = shapes.of(seed, Shaping(shapes, IatMode::none, false).form());
  for (std::size_t size = 1; size < 3 * largest_packet_data; size += 5) {
    SeededRandom same = random;
    const auto target = static_cast<std::size_t>(shape->lengths.sample(same));
    const Bytes plain(size, 0x42);
    auto copy = plain;
    Burst burst(chunks.borrow());
    ASSERT_TRUE(sender.encode(copy, burst));
    // Its packets hold data or padding, never both.
    auto expected = size + (size + largest_packet_data - 1) / largest_packet_data * packet_overhead;
    const auto padding = pad_burst(expected, target);
    for (const auto& frame : {padding.first, padding.second})
      if (frame) expected += *frame + packet_overhead;
    ASSERT_EQ(burst.size(), expected) << size << " bytes to " << target;
    ASSERT_EQ(decoded(receiver, Bytes(burst.bytes().begin(), burst.bytes().end()), 30000), plain);
  }
}

TEST_F(CodecTest, CutsIntoSegmentsWithRestsInModeOne) {
  auto sender = codec(SeedRule::at_once, IatMode::segments);
  auto plain = plain_of(5000);
  Burst burst(chunks.borrow());
  ASSERT_TRUE(sender.encode(plain, burst));
  std::size_t begin = 0;
  for (const auto& cut : burst.cuts()) {
    EXPECT_EQ(cut.end - begin, std::min(segment_size, burst.size() - begin));
    begin = cut.end;
  }
  EXPECT_EQ(begin, burst.size());
  EXPECT_TRUE(rests_are_shaped(burst));
}

TEST_F(CodecTest, CutsIntoLengthsOfTheTableInModeTwo) {
  const SipHashDrbg::Seed seed{9, 9};
  auto sender = codec(SeedRule::never, IatMode::everything, seed);
  const auto shape = shapes.of(seed, Shaping(shapes, IatMode::everything, false).form());
  for (int i = 0; i < 50; ++i) {
    auto plain = plain_of(1 + random.below(5000));
    Burst burst(chunks.borrow());
    ASSERT_TRUE(sender.encode(plain, burst));
    std::size_t begin = 0;
    for (const auto& cut : burst.cuts()) {
      EXPECT_TRUE(std::ranges::count(shape->lengths.values(), cut.end - begin)) << cut.end - begin;
      begin = cut.end;
    }
    EXPECT_EQ(begin, burst.size());
    if (burst.cuts().size() > 3) {
      EXPECT_TRUE(rests_are_shaped(burst));
    }
  }
}

TEST_F(CodecTest, KeepsRunningOnATableThatHoldsOnlyZero) {
  ASSERT_EQ(shapes.of(zero_lengths(), Shaping(shapes, IatMode::everything, false).form())->lengths.values().size(), 1u);
  auto sender = codec(SeedRule::never, IatMode::everything, zero_lengths()),
       receiver = codec(SeedRule::at_once, IatMode::none);
  const auto plain = plain_of(3000);
  auto copy = plain;
  Burst burst(chunks.borrow());
  ASSERT_TRUE(sender.encode(copy, burst));
  EXPECT_EQ(burst.cuts().at(0).end, segment_size);
  EXPECT_EQ(decoded(receiver, Bytes(burst.bytes().begin(), burst.bytes().end()), 500), plain);
}

TEST_F(CodecTest, AClientTakesTheBridgesSeed) {
  auto receiver = codec(SeedRule::at_once, IatMode::none);
  EXPECT_FALSE(sends_whole_segments(receiver, chunks));
  auto wire = seed_packet(zero_lengths());
  EXPECT_TRUE(decoded(receiver, wire, wire.size()).empty());
  EXPECT_TRUE(sends_whole_segments(receiver, chunks));
}

TEST_F(CodecTest, AServerTakesNoSeed) {
  auto receiver = codec(SeedRule::never, IatMode::none);
  auto wire = seed_packet(zero_lengths());
  EXPECT_TRUE(decoded(receiver, wire, wire.size()).empty());
  EXPECT_FALSE(sends_whole_segments(receiver, chunks));
}

TEST_F(CodecTest, ASeedBehindTheHelloCountsFromTheNextRead) {
  auto receiver = codec(SeedRule::from_second_read, IatMode::none);
  auto wire = seed_packet(zero_lengths());
  EXPECT_TRUE(decoded(receiver, wire, wire.size()).empty());
  EXPECT_FALSE(sends_whole_segments(receiver, chunks));
  Bytes next(1);
  EXPECT_TRUE(decoded(receiver, next, 1).empty());
  EXPECT_TRUE(sends_whole_segments(receiver, chunks));
}

TEST_F(CodecTest, ASeedThatComesWithTheSecondReadCountsAtOnce) {
  auto receiver = codec(SeedRule::from_second_read, IatMode::none);
  auto wire = seed_packet(zero_lengths());
  EXPECT_TRUE(decoded(receiver, wire, wire.size() - 1).empty());
  EXPECT_TRUE(sends_whole_segments(receiver, chunks));
}

TEST_F(CodecTest, IgnoresASeedOfAnotherSize) {
  const auto shaping_seed = zero_lengths();
  for (const std::size_t size : {0u, 1u, 23u, 25u, 48u, 1427u}) {
    auto receiver = codec(SeedRule::at_once, IatMode::none);
    Bytes seed(size);
    std::ranges::copy(ByteView(shaping_seed).first(std::min(size, shaping_seed.size())), seed.begin());
    auto wire = seed_packet(seed);
    EXPECT_TRUE(decoded(receiver, wire, wire.size()).empty());
    EXPECT_FALSE(sends_whole_segments(receiver, chunks)) << size;
  }
}

TEST_F(CodecTest, IgnoresUnknownPacketTypesAndPadding) {
  FrameEncoder encoder(keys_of(key72));
  Bytes wire(4000);
  auto out = ByteSpan(wire);
  for (auto type : {PacketType(9), PacketType::prng_seed, PacketType::data}) {
    auto size = write_packet(encoder, out, type, as_bytes("hello"), 20);
    ASSERT_TRUE(size);
    out = out.subspan(*size);
  }
  wire.resize(wire.size() - out.size());
  auto receiver = codec(SeedRule::never, IatMode::none);
  EXPECT_EQ(as_text(decoded(receiver, wire, 7)), "hello");
}

TEST_F(CodecTest, DeliversWhatStandsBeforeABrokenFrame) {
  FrameEncoder encoder(keys_of(key72));
  Bytes wire(2000);
  auto first = write_packet(encoder, wire, PacketType::data, as_bytes("whole"), 0);
  auto second = write_packet(encoder, ByteSpan(wire).subspan(*first), PacketType::data, as_bytes("broken"), 0);
  wire.resize(*first + *second);
  wire.back() ^= 1;
  auto receiver = codec(SeedRule::at_once, IatMode::none);
  Chunk plain = chunks.borrow();
  EXPECT_EQ(receiver.decode(wire, plain).error(), Errc::bad_message);
  EXPECT_EQ(as_text(plain.bytes()), "whole");
}

TEST_F(CodecTest, RefusesAPacketThatClaimsMoreThanItHolds) {
  FrameEncoder encoder(keys_of(key72));
  for (const Bytes& payload : {Bytes{}, Bytes{0, 0}, Bytes{0, 0, 1}, Bytes{0, 1, 0, 5}}) {
    FrameEncoder fresh(keys_of(key72));
    auto wire = sealed(fresh, payload);
    auto receiver = codec(SeedRule::at_once, IatMode::none);
    Chunk plain = chunks.borrow();
    EXPECT_EQ(receiver.decode(wire, plain).error(), Errc::bad_message);
  }
}

TEST_F(CodecTest, AClientTakesTheBridgesShape) {
  const SipHashDrbg::Seed seed{4, 5, 6};
  FrameEncoder encoder(keys_of(key72));
  Bytes wire(100);
  auto size = write_packet(encoder, wire, PacketType::prng_seed, seed, 0);
  wire.resize(*size);
  auto client = codec(SeedRule::at_once, IatMode::everything);
  EXPECT_TRUE(decoded(client, wire, 100).empty());
  auto plain = plain_of(4000);
  Burst burst(chunks.borrow());
  ASSERT_TRUE(client.encode(plain, burst));
  const auto shape = shapes.of(seed, Shaping(shapes, IatMode::everything, false).form());
  EXPECT_TRUE(std::ranges::count(shape->lengths.values(), burst.cuts().front().end));
}

}  // namespace
}  // namespace ptproxy::obfs4
