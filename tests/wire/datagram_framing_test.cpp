#include "wire/datagram_framing.h"

#include <ptproxy/random.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/talk.h"

namespace ptproxy {
namespace {

using test::hex;
using test::operator+;
using enum DatagramFraming;

std::optional<Bytes> framed(DatagramFraming framing, const Bytes& datagram) {
  const auto frame = frame_datagram(framing, datagram);
  if (!frame) return std::nullopt;
  Bytes out(frame->head().begin(), frame->head().end());
  out.insert(out.end(), frame->body().begin(), frame->body().end());
  out.insert(out.end(), frame->padding(), 0);
  EXPECT_EQ(frame->size(), out.size());
  return out;
}

/// What came out of a stream, and how it ended.
struct Heard {
  std::vector<Bytes> datagrams;
  error_code lost;
  bool operator==(const Heard&) const = default;
};

Heard hear(DatagramFraming framing, const std::vector<Bytes>& pieces) {
  DatagramReader reader(framing);
  Heard heard;
  for (const auto& piece : pieces) {
    reader.feed(piece);
    std::vector<ByteView> views;  // as a batch is gathered: all of them are good until the next piece
    for (;;) {
      auto next = reader.next();
      if (!next) heard.lost = next.error();
      if (!next || !*next) break;
      views.push_back(**next);
    }
    for (auto view : views) heard.datagrams.emplace_back(view.begin(), view.end());
    if (heard.lost) break;
  }
  return heard;
}

Heard hear_in_every_slicing(DatagramFraming framing, const Bytes& stream) {
  const auto whole = hear(framing, {stream});
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    const auto middle = stream.begin() + static_cast<std::ptrdiff_t>(cut);
    EXPECT_EQ(hear(framing, {Bytes(stream.begin(), middle), Bytes(middle, stream.end())}), whole) << "cut at " << cut;
  }
  for (std::size_t size = 1; size <= 23; ++size)
    EXPECT_EQ(hear(framing, test::pieces_of(stream, size)), whole) << "pieces of " << size;
  return whole;
}

Bytes stun_message(const std::string& type, const Bytes& body) {
  return hex(type) + Bytes{static_cast<Byte>(body.size() >> 8), static_cast<Byte>(body.size())} +
         hex("2112a442 0102030405060708090a0b0c") + body;
}

TEST(LengthPrefix, IsInNetworkOrder) {
  EXPECT_EQ(framed(length_prefix, Bytes(0x0102, 'x')), hex("0102") + Bytes(0x0102, 'x'));
  EXPECT_EQ(framed(length_prefix, {}), hex("0000"));
}

TEST(LengthPrefix, CarriesEverySizeThatADatagramHas) {
  for (std::size_t size : {0u, 1u, 2u, 255u, 256u, 1024u, 1400u, 32768u, 65507u, 65527u}) {
    const Bytes datagram(size, 'd');
    EXPECT_EQ(hear(length_prefix, {*framed(length_prefix, datagram)}), (Heard{{datagram}, {}})) << size;
  }
  EXPECT_FALSE(framed(length_prefix, Bytes(65528)));
}

TEST(LengthPrefix, IsReadInEverySlicing) {
  const auto stream = hex("0003 616263 0000 0001 64 0000 0000 0005 65666768 69");
  EXPECT_EQ(hear_in_every_slicing(length_prefix, stream),
            (Heard{{hex("616263"), {}, hex("64"), {}, {}, hex("6566676869")}, {}}));
}

TEST(LengthPrefix, WaitsForTheRestOfAFrame) {
  EXPECT_EQ(hear_in_every_slicing(length_prefix, hex("0001 61 0003 6263")), (Heard{{hex("61")}, {}}));
  EXPECT_EQ(hear_in_every_slicing(length_prefix, hex("00")), Heard());
}

TEST(LengthPrefix, EndsAtALengthThatNoDatagramHas) {
  EXPECT_EQ(hear_in_every_slicing(length_prefix, hex("0001 61 fff8 62")), (Heard{{hex("61")}, Errc::too_long}));
}

TEST(StunFraming, ConcatenatesMessages) {
  const auto request = stun_message("0001", {}), answer = stun_message("0101", hex("0020 0008 0001 a147 e112a643"));
  EXPECT_EQ(framed(DatagramFraming::stun, request), request);
  EXPECT_EQ(hear_in_every_slicing(DatagramFraming::stun, request + answer + request),
            (Heard{{request, answer, request}, {}}));
}

TEST(StunFraming, TakesMessagesOfTheTimeBeforeTheCookie) {
  const auto classic = hex("0001 0000 00112233445566778899aabbccddeeff");
  EXPECT_EQ(framed(DatagramFraming::stun, classic), classic);
  EXPECT_EQ(hear_in_every_slicing(DatagramFraming::stun, classic), (Heard{{classic}, {}}));
}

TEST(StunFraming, PadsChannelDataOnTheStreamOnly) {
  for (std::size_t size = 0; size <= 9; ++size) {
    const auto datagram = hex("4000") + Bytes{0, static_cast<Byte>(size)} + Bytes(size, 'c');
    const auto padding = (4 - size % 4) % 4;
    EXPECT_EQ(framed(DatagramFraming::stun, datagram), datagram + Bytes(padding, 0)) << size;
    // A datagram may come padded too (RFC 8656 section 12.5).
    EXPECT_EQ(framed(DatagramFraming::stun, datagram + Bytes(padding, 0)), datagram + Bytes(padding, 0)) << size;
  }
}

TEST(StunFraming, TakesThePaddingOffAgainInEverySlicing) {
  const auto three = hex("754f 0003 616263"), four = hex("7fff 0004 61626364"), none = hex("4000 0000");
  const auto message = stun_message("0016", hex("0013 0003 61626300"));
  EXPECT_EQ(hear_in_every_slicing(DatagramFraming::stun, three + hex("00") + four + message + none + three + hex("ff")),
            (Heard{{three, four, message, none, three}, {}}));
}

TEST(StunFraming, CarriesTheLongest) {
  const auto message = stun_message("0016", Bytes(65504, 'm'));  // 65524 in all
  EXPECT_EQ(hear(DatagramFraming::stun, {*framed(DatagramFraming::stun, message)}), (Heard{{message}, {}}));
  const auto channel_data = hex("4000 fff3") + Bytes(0xfff3, 'c');  // 65527 in all
  EXPECT_EQ(hear(DatagramFraming::stun, {*framed(DatagramFraming::stun, channel_data)}), (Heard{{channel_data}, {}}));
}

TEST(StunFraming, RefusesDatagramsThatAreNeither) {
  const auto message = stun_message("0001", hex("00000000"));
  const std::map<std::string, Bytes> others{
      {"empty", {}},
      {"one byte", hex("00")},
      {"half a header", hex("0001 0000 2112a442 0102")},
      {"more than its length", message + hex("00000000")},
      {"less than its length", Bytes(message.begin(), message.end() - 4)},
      {"a length that is no multiple of four", hex("0001 0002 2112a442 0102030405060708090a0b0c 0000")},
      {"no cookie, and no type of RFC 3489", hex("0003 0000 2112a443 0102030405060708090a0b0c")},
      {"DTLS", hex("16fefd 0000 000000000000 0008 0100000000000000 0000")},
      {"RTP", hex("8000 0001 2112a442 0102030405060708090a0b0c")},
      {"QUIC", hex("c000 0001 08")},
      {"ChannelData, shortened", hex("4000 0004 616263")},
      {"ChannelData's channel alone", hex("4000")},
  };
  for (const auto& [what, datagram] : others) EXPECT_FALSE(framed(DatagramFraming::stun, datagram)) << what;
}

TEST(StunFraming, EndsAtWhatIsNeither) {
  const auto good = stun_message("0001", {});
  const std::map<std::string, error_code> bad{
      {"80", Errc::bad_message},
      {"c0000000", Errc::bad_message},
      {"0001 0001", Errc::bad_message},
      {"0003 0000 2112a443", Errc::bad_message},
      {"0001 fff8 2112a442", Errc::too_long},
      {"4000 fff4", Errc::too_long},
  };
  for (const auto& [bytes, why] : bad)
    EXPECT_EQ(hear_in_every_slicing(DatagramFraming::stun, good + hex(bytes) + good), (Heard{{good}, why})) << bytes;
}

TEST(DatagramReader, GivesBackAnyRandomTrafficInRandomPieces) {
  SeededRandom random(4);
  for (auto framing : {length_prefix, DatagramFraming::stun}) {
    std::vector<Bytes> sent;
    Bytes stream;
    for (int i = 0; i < 3000; ++i) {
      Bytes datagram(1 + random.below(i % 50 == 0 ? 65507 : 300));
      random.fill(datagram);
      if (framing == DatagramFraming::stun) {
        const auto room = static_cast<std::uint16_t>(datagram.size() / 4 * 4);
        datagram.resize(random.below(4) + room);
        datagram = random.below(2) && room < 65500
                       ? stun_message("0017", Bytes(datagram.begin(), datagram.begin() + room))
                       : hex("4abc") +
                             Bytes{static_cast<Byte>(datagram.size() >> 8), static_cast<Byte>(datagram.size())} +
                             datagram;
      }
      stream = std::move(stream) + *framed(framing, datagram);
      sent.push_back(std::move(datagram));
    }
    std::vector<Bytes> pieces;
    for (std::size_t at = 0; at < stream.size();) {
      const auto size = std::min<std::size_t>(1 + random.below(random.below(2) ? 40 : 40000), stream.size() - at);
      pieces.emplace_back(stream.begin() + static_cast<std::ptrdiff_t>(at),
                          stream.begin() + static_cast<std::ptrdiff_t>(at + size));
      at += size;
    }
    EXPECT_TRUE(hear(framing, pieces) == (Heard{sent, {}}));
  }
}

TEST(DatagramReader, SurvivesAnyBytes) {
  SeededRandom random(5);
  for (int i = 0; i < 20000; ++i) {
    Bytes stream(1 + random.below(200));
    random.fill(stream);
    if (random.below(2) && stream.size() > 8) std::copy_n(hex("0001 0000 2112a442").begin(), 8, stream.begin());
    for (auto framing : {length_prefix, DatagramFraming::stun}) {
      EXPECT_EQ(hear(framing, test::pieces_of(stream, 1 + random.below(9))), hear(framing, {stream}));
      (void)framed(framing, stream);
    }
  }
}

}  // namespace
}  // namespace ptproxy
