#include "transports/obfs4/handshake.h"

#include "support/scripted_random.h"
#include "support/vectors.h"
#include "transports/obfs4/zero_lengths.h"

#include <gtest/gtest.h>

#include <set>

namespace ptproxy::obfs4 {
namespace {

using Step = Handshake::Step;
namespace json = boost::json;

constexpr std::int64_t hour = 3600;

/// Both sides of one recorded handshake.
class Recorded {
 public:
  explicit Recorded(const json::value& row)
      : identity(test::array_of<20>(row.at("node_id")), test::secret_of<32>(row.at("identity_private")),
                 test::array_of<24>(row.at("prng_seed")), IatMode::none),
        client_pair(test::secret_of<32>(row.at("client_private")), test::array_of<32>(row.at("client_public")),
                    test::array_of<32>(row.at("client_representative"))),
        server_pair(test::secret_of<32>(row.at("server_private")), test::array_of<32>(row.at("server_public")),
                    test::array_of<32>(row.at("server_representative"))),
        client_hello(test::bytes_of(row.at("client_hello"))),
        server_hello(test::bytes_of(row.at("server_hello_with_seed_frame"))),
        client_time(row.at("client_epoch_hour").as_int64() * hour + 1800),
        server_time(row.at("server_epoch_hour").as_int64() * hour + 1800) {
    const auto client_padding = client_hello.size() - client_hello_min;
    client_random.will_draw(client_padding_min, client_padding_max, client_padding);
    client_random.will_fill(ByteView(client_hello).subspan(32, client_padding));
    const auto server_padding = server_hello.size() - server_hello_min - seed_frame_size;
    server_random.will_draw(server_padding_min, server_padding_max, server_padding);
    server_random.will_fill(ByteView(server_hello).subspan(64, server_padding));
  }
  ClientHandshake client() { return {identity.bridge, client_pair, client_time, shaping, client_random}; }
  ServerHandshake server(std::int64_t time) {
    return {identity, server_pair, filter, {}, time, shaping, server_random};
  }
  ServerHandshake server() { return server(server_time); }

  Identity identity;
  KeyPair client_pair, server_pair;
  Bytes client_hello, server_hello;
  std::int64_t client_time, server_time;
  test::ScriptedRandom client_random, server_random;
  SeededRandom filter_random{5};
  ReplayFilter filter{filter_random, std::chrono::hours(3), 1000};
  Shapes shapes;
  Shaping shaping{shapes, IatMode::none, false};
};

const json::array& recorded() {
  static const auto vectors = test::read_vectors("obfs4_handshake.json");
  return test::list_of(vectors, "handshakes");
}

ByteQueue queue_of(ByteView bytes) {
  ByteQueue queue;
  queue.append(bytes);
  return queue;
}

/// "need more data", "accepted", or the name of the error.
std::string outcome(Handshake& handshake, ByteView heard, ByteQueue& out) {
  auto in = queue_of(heard);
  const auto step = handshake.advance(in, out);
  if (!step) return step.error() == Errc::forbidden ? "replay" : "invalid handshake";
  return *step == Step::done ? "accepted" : "need more data";
}

Bytes changed(ByteView bytes, std::size_t at, Byte flip) {
  Bytes copy(bytes.begin(), bytes.end());
  copy.at(at) ^= flip;
  return copy;
}

TEST(Obfs4Handshake, SaysWhatObfs4proxySays) {
  for (const auto& row : recorded()) {
    Recorded talk(row);
    auto client = talk.client();
    auto server = talk.server();
    ByteQueue nothing, hello, answer;
    EXPECT_EQ(client.advance(nothing, hello).value(), Step::need_more);
    EXPECT_EQ(to_hex(hello.view()), to_hex(talk.client_hello)) << row.at("name");
    EXPECT_EQ(outcome(server, talk.client_hello, answer), "accepted");
    EXPECT_EQ(to_hex(answer.view()), to_hex(talk.server_hello)) << row.at("name");
    auto heard = queue_of(talk.server_hello);
    EXPECT_EQ(client.advance(heard, nothing).value(), Step::done);
    EXPECT_EQ(heard.size(), seed_frame_size);  // which is the codec's to read
  }
}

TEST(Obfs4Handshake, EndsInCodecsThatReadTheRecordedPackets) {
  for (const auto& row : recorded()) {
    Recorded talk(row);
    auto client = talk.client();
    auto server = talk.server();
    ByteQueue nothing, out;
    (void)client.advance(nothing, out);
    ASSERT_EQ(outcome(server, talk.client_hello, out), "accepted");
    auto heard = queue_of(talk.server_hello);
    ASSERT_TRUE(client.advance(heard, out));
    const auto client_codec = client.codec(), server_codec = server.codec();
    ChunkPool chunks;
    {
      Bytes seed_frame(heard.view().begin(), heard.view().end());
      Chunk plain = chunks.borrow();
      EXPECT_TRUE(client_codec->decode(seed_frame, plain));
    }
    for (const auto& packet : test::list_of(row, "packets_after_seed_frame")) {
      const bool from_client = test::text_of(packet.at("from")) == "client";
      auto frame = test::bytes_of(packet.at("frame"));
      Chunk plain = chunks.borrow();
      EXPECT_TRUE((from_client ? server_codec : client_codec)->decode(frame, plain));
      if (packet.at("type").as_int64() == 0)
        EXPECT_EQ(to_hex(plain.bytes()), test::text_of(packet.at("payload")));
      else
        EXPECT_TRUE(plain.empty());
    }
  }
}

TEST(Obfs4Handshake, AServerJudgesChangedHellosAsObfs4proxyDoes) {
  for (const auto& row : recorded()) {
    for (const auto& kase : test::list_of(row, "server_side_cases")) {
      Recorded talk(row);
      const auto& hello = talk.client_hello;
      const auto name = test::text_of(kase.at("case"));
      auto server = talk.server(kase.at("server_epoch_hour").as_int64() * hour);
      Bytes sent = hello;
      if (name == "last byte missing")
        sent.pop_back();
      else if (name == "one byte appended")
        sent.push_back(0);
      else if (name == "bit flipped in the representative")
        sent = changed(hello, 3, 1);
      else if (name.starts_with("high bit 7"))
        sent = changed(hello, 31, 0x80);
      else if (name == "bit flipped in the padding")
        sent = changed(hello, 40, 1);
      else if (name == "bit flipped in the mark")
        sent = changed(hello, hello.size() - 20, 1);
      else if (name == "bit flipped in the MAC")
        sent = changed(hello, hello.size() - 1, 1);
      else if (name.starts_with("same bytes a second time")) {
        auto first = talk.server();
        ByteQueue out;
        ASSERT_EQ(outcome(first, hello, out), "accepted");
      } else {
        ASSERT_TRUE(name.starts_with("untouched")) << name;
      }
      auto expected = test::text_of(kase.at("outcome"));
      // With 8192 bytes there is nothing to wait for.
      if (expected == "need more data" && sent.size() >= largest_hello) expected = "invalid handshake";
      ByteQueue out;
      EXPECT_EQ(outcome(server, sent, out), expected) << name;
      EXPECT_EQ(out.empty(), expected != "accepted") << name;
    }
  }
}

TEST(Obfs4Handshake, AClientJudgesChangedHellosAsObfs4proxyDoes) {
  Recorded talk(recorded()[0]);
  const auto& answer = talk.server_hello;
  auto judge = [&](ByteView heard) {
    Recorded again(recorded()[0]);
    auto client = again.client();
    ByteQueue out;
    (void)client.advance(*std::make_unique<ByteQueue>(), out);
    auto in = queue_of(heard);
    const auto step = client.advance(in, out);
    return !step ? step.error()
           : *step == Step::done
               ? error_code()
               : error_code(boost::system::errc::make_error_code(boost::system::errc::operation_would_block));
  };
  const error_code wants_more = boost::system::errc::make_error_code(boost::system::errc::operation_would_block);
  const auto hello = ByteView(answer).first(server_hello_min);
  EXPECT_EQ(judge(answer), error_code());
  EXPECT_EQ(judge(hello), error_code());
  EXPECT_EQ(judge(hello.first(hello.size() - 1)), wants_more);
  EXPECT_EQ(judge(changed(hello, 40, 1)), Errc::skewed_clock);                // AUTH, which the MAC covers
  EXPECT_EQ(judge(changed(hello, 3, 1)), wants_more);                         // representative
  EXPECT_EQ(judge(changed(hello, hello.size() - 20, 1)), wants_more);         // mark
  EXPECT_EQ(judge(changed(hello, hello.size() - 1, 1)), Errc::skewed_clock);  // MAC
  EXPECT_EQ(judge(Bytes(8191, 1)), wants_more);
  EXPECT_EQ(judge(Bytes(8192, 1)), Errc::handshake_failed);
}

TEST(Obfs4Handshake, AClientTellsAWrongKeyFromEverythingElse) {
  // A server that knows node ID and public key, but has another private key: MACs fit, AUTH does not.
  Recorded talk(recorded()[0]);
  Identity impostor(talk.identity.bridge.node_id, talk.identity.private_key, talk.identity.drbg_seed, IatMode::none);
  impostor.private_key = Secret<32>(Bytes(32, 9));
  SeededRandom random(11);
  ServerHandshake server(impostor, talk.server_pair, talk.filter, {}, talk.server_time, talk.shaping, random);
  auto client = talk.client();
  ByteQueue nothing, hello, answer;
  (void)client.advance(nothing, hello);
  ASSERT_EQ(outcome(server, talk.client_hello, answer), "accepted");
  EXPECT_EQ(client.advance(answer, nothing).error(), Errc::wrong_key);
}

/// A handshake of today with a bridge whose table of lengths gives its seed away.
class Fresh : public Recorded {
 public:
  Fresh() : Recorded(recorded()[0]) {
    identity.drbg_seed = zero_lengths();
    EXPECT_EQ(client_side.advance(to_client, to_server).value(), Step::need_more);
    EXPECT_EQ(server_side.advance(to_server, to_client).value(), Step::done);
  }
  bool hears(Codec& codec, ByteView wire) {
    Bytes copy(wire.begin(), wire.end());
    Chunk plain = chunks.borrow();
    return codec.decode(copy, plain).has_value();
  }
  SeededRandom random{17};
  ByteQueue to_client, to_server;
  ChunkPool chunks;
  ClientHandshake client_side{identity.bridge, client_pair, server_time, shaping, random};
  ServerHandshake server_side{identity, server_pair, filter, {}, server_time, shaping, random};
};

TEST(Obfs4Handshake, ASeedRightBehindTheHelloShapesNothingBeforeTheNextRead) {
  Fresh talk;
  ASSERT_EQ(talk.client_side.advance(talk.to_client, talk.to_server).value(), Step::done);
  const auto codec = talk.client_side.codec();
  EXPECT_TRUE(talk.hears(*codec, talk.to_client.view()));
  EXPECT_FALSE(sends_whole_segments(*codec, talk.chunks)) << "obfs4proxy has not read it yet";
  const auto server = talk.server_side.codec();
  Burst burst(talk.chunks.borrow());
  Bytes plain(1);
  ASSERT_TRUE(server->encode(plain, burst));
  EXPECT_TRUE(talk.hears(*codec, burst.bytes()));
  EXPECT_TRUE(sends_whole_segments(*codec, talk.chunks));
}

TEST(Obfs4Handshake, ASeedOfItsOwnReadShapesAtOnce) {
  Fresh talk;
  auto hello = queue_of(talk.to_client.view().first(talk.to_client.size() - seed_frame_size));
  const Bytes seed_frame(talk.to_client.view().end() - seed_frame_size, talk.to_client.view().end());
  ASSERT_EQ(talk.client_side.advance(hello, talk.to_server).value(), Step::done);
  const auto codec = talk.client_side.codec();
  EXPECT_TRUE(talk.hears(*codec, seed_frame));
  EXPECT_TRUE(sends_whole_segments(*codec, talk.chunks));
}

TEST(Obfs4Handshake, NobodyCanForeseeHowManyBytesOfAnImpossibleFrameAreTaken) {
  std::set<std::size_t> taken;
  Fresh talk;
  for (int i = 0; i < 20; ++i) {
    const auto codec = talk.server_side.codec();
    std::size_t bytes = 0;
    while (bytes < 4000 && talk.hears(*codec, Bytes(1, static_cast<Byte>(i)))) ++bytes;
    taken.insert(bytes);
  }
  EXPECT_GT(taken.size(), 10U);
}

TEST(Obfs4Handshake, AHelloWithAByteTooManyIsSpent) {
  for (const auto& row : recorded()) {
    Recorded talk(row);
    if (talk.client_hello.size() != largest_hello) continue;
    auto first = talk.server(), second = talk.server();
    ByteQueue out;
    auto longer = talk.client_hello;
    longer.push_back(0);
    EXPECT_EQ(outcome(first, longer, out), "invalid handshake");
    EXPECT_EQ(outcome(second, talk.client_hello, out), "replay");
    EXPECT_TRUE(out.empty());
    return;
  }
  FAIL() << "no recorded hello has " << largest_hello << " bytes";
}

TEST(Obfs4Handshake, WorksInPiecesOfAnySize) {
  for (std::size_t piece : {1u, 7u, 100u}) {
    Recorded talk(recorded()[2]);
    auto client = talk.client();
    auto server = talk.server();
    ByteQueue at_client, at_server, hello, answer;
    (void)client.advance(at_client, hello);
    auto feed = [&](Handshake& to, ByteView all, ByteQueue& in, ByteQueue& out) {
      Step step = Step::need_more;
      while (!all.empty() && step == Step::need_more) {
        const auto part = all.first(std::min(piece, all.size()));
        in.append(part);
        all = all.subspan(part.size());
        auto next = to.advance(in, out);
        EXPECT_TRUE(next) << next.error().message();
        if (!next) return Step::need_more;
        step = *next;
      }
      return step;
    };
    EXPECT_EQ(feed(server, talk.client_hello, at_server, answer), Step::done);
    EXPECT_EQ(feed(client, talk.server_hello, at_client, hello), Step::done);
  }
}

TEST(Obfs4Handshake, AServerToleratesOneHourEitherWay) {
  for (int shift : {-2, -1, 0, 1, 2}) {
    Recorded talk(recorded()[0]);
    auto server = talk.server(talk.client_time + shift * hour);
    auto in = queue_of(talk.client_hello);
    ByteQueue out;
    const auto step = server.advance(in, out);
    if (std::abs(shift) <= 1)
      EXPECT_TRUE(step) << shift;
    else
      EXPECT_EQ(step.error(), Errc::skewed_clock) << shift;
  }
}

TEST(Obfs4Handshake, AServerRefusesZeroKeys) {
  Recorded talk(recorded()[0]);
  const KeyPair zero(talk.client_pair.private_key, PublicKey{}, Representative{});
  SeededRandom random(2);
  ClientHandshake client(talk.identity.bridge, zero, talk.client_time, talk.shaping, random);
  auto server = talk.server();
  ByteQueue nothing, hello, out;
  (void)client.advance(nothing, hello);
  EXPECT_EQ(outcome(server, hello.view(), out), "invalid handshake");
  EXPECT_TRUE(out.empty());
}

TEST(Obfs4Handshake, RefusesMoreThanAHelloEvenWhenAHelloComesFirst) {
  Recorded talk(recorded()[1]);  // 8192 bytes
  auto server = talk.server();
  auto sent = talk.client_hello;
  ASSERT_EQ(sent.size(), largest_hello);
  sent.push_back(0);
  ByteQueue out;
  EXPECT_EQ(outcome(server, sent, out), "invalid handshake");
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace ptproxy::obfs4
