#include "transports/obfs3/codec.h"

#include "support/conversation.h"
#include "support/vectors.h"

namespace ptproxy::obfs3 {
namespace {

using namespace std::chrono_literals;
using test::bytes_of;
using test::text_of;

TEST(Obfs3, UnderstandsRecordedConnectionsFromBothSides) {
  const auto vectors = test::read_vectors("obfs3_transcript.json");
  for (const auto& row : test::list_of(vectors, "transcripts")) {
    for (Side side : {Side::initiator, Side::responder}) {
      const std::string own = side == Side::initiator ? "client" : "server",
                        peer = side == Side::initiator ? "server" : "client";
      SeededRandom random(1);
      Obfs3Handshake handshake(side, test::secret_of<192>(row.at(own + "_private_raw")), random);
      ByteQueue in, out;
      in.append(bytes_of(row.at(peer + "_sent")));
      ASSERT_EQ(test::advance(handshake, in, out).value(), Handshake::Step::done);
      EXPECT_EQ(to_hex(out.view().first(192)), text_of(row.at(own + "_public_on_wire")));
      const auto codec = handshake.codec();
      EXPECT_EQ(test::decoded(*codec, in.view()), text_of(row.at(peer + "_plaintext")));
      const auto sent = test::encoded(*codec, text_of(row.at(own + "_plaintext")));
      const auto recorded = bytes_of(row.at(own + "_sent"));
      const auto from_magic = magic_size + text_of(row.at(own + "_plaintext")).size();
      EXPECT_EQ(to_hex(ByteView(sent).last(from_magic)), to_hex(ByteView(recorded).last(from_magic)));
    }
  }
}

class Obfs3Test : public ::testing::Test {
 protected:
  test::MakeTransportHandshake make(Side side) {
    return [=, this] { return std::make_unique<Obfs3Handshake>(side, Secret<192>(random.bytes<192>()), random); };
  }
  SessionKeys keys{Secret<192>(Bytes(192, 5))};
  SeededRandom random{1};
  Obfs3Codec client{keys.from_initiator, keys.from_responder, random};

  /// What a responder sends behind its public key.
  Bytes behind_key(std::size_t padding, std::string_view text) {
    Bytes all(padding);
    random.fill(all);
    all.insert(all.end(), keys.from_responder.magic.begin(), keys.from_responder.magic.end());
    Bytes hidden(as_bytes(text).begin(), as_bytes(text).end());
    cipher_of(keys.from_responder.key_and_counter).apply(hidden);
    all.insert(all.end(), hidden.begin(), hidden.end());
    return all;
  }
};

TEST_F(Obfs3Test, TalksToItselfInEverySlicing) {
  test::expect_conversations_in_every_slicing(make(Side::initiator), make(Side::responder));
}

TEST_F(Obfs3Test, NeitherSideWaitsForTheOthersMagic) {
  // A server that hears the key and padding, and nothing behind it, is done and may speak.
  auto client_side = make(Side::initiator)(), server_side = make(Side::responder)();
  ByteQueue to_client, to_server, nothing;
  (void)test::advance(*client_side, to_client, to_server);
  (void)test::advance(*server_side, nothing, to_client);
  EXPECT_EQ(test::advance(*server_side, to_server, nothing).value(), Handshake::Step::done);
  EXPECT_EQ(test::advance(*client_side, to_client, nothing).value(), Handshake::Step::done);
  const auto server_codec = server_side->codec(), client_codec = client_side->codec();
  to_client.append(test::encoded(*server_codec, "I speak first"));
  EXPECT_EQ(test::decoded(*client_codec, to_client.view()), "I speak first");
}

TEST_F(Obfs3Test, FindsTheMagicWhereverItIsCut) {
  const auto wire = behind_key(60, "hello");
  for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
    Obfs3Codec codec(keys.from_initiator, keys.from_responder, random);
    const auto begin = test::decoded(codec, ByteView(wire).first(cut));
    EXPECT_EQ(begin + test::decoded(codec, ByteView(wire).subspan(cut)), "hello") << cut;
  }
}

TEST_F(Obfs3Test, TakesBothPaddingsAtTheirLongestAndNotAByteMore) {
  for (std::size_t piece : {1u, 31u, 32u, 33u, 1448u, 30000u}) {
    for (std::size_t padding : {0u, 1u, 8193u, 8194u}) {
      Obfs3Codec codec(keys.from_initiator, keys.from_responder, random);
      EXPECT_EQ(test::decoded(codec, behind_key(padding, "hello"), piece), "hello") << padding;
    }
    for (std::size_t padding : {8195u, 9000u, 30000u}) {
      Obfs3Codec codec(keys.from_initiator, keys.from_responder, random);
      error_code error;
      EXPECT_EQ(test::decoded(codec, behind_key(padding, "hello"), piece, &error), "");
      EXPECT_EQ(error, Errc::bad_message) << padding;
    }
  }
}

TEST_F(Obfs3Test, WaitsForAMagicThatMayStillCome) {
  error_code error;
  EXPECT_EQ(test::decoded(client, Bytes(8225, 1), 100, &error), "");
  EXPECT_FALSE(error);
  EXPECT_EQ(test::decoded(client, Bytes(1, 1), 100, &error), "");
  EXPECT_EQ(error, Errc::bad_message);
}

TEST_F(Obfs3Test, SaysTheMagicOnceInOneWordWithTheFirstBytes) {
  std::size_t least = 99999, most = 0;
  for (int i = 0; i < 300; ++i) {
    Obfs3Codec codec(keys.from_initiator, keys.from_responder, random);
    const auto first = test::encoded(codec, "hello");
    const auto at = std::ranges::search(first, keys.from_initiator.magic).begin() - first.begin();
    EXPECT_EQ(static_cast<std::size_t>(at) + magic_size + 5, first.size());
    EXPECT_EQ(test::encoded(codec, "hello").size(), 5u);
    least = std::min(least, first.size() - magic_size - 5);
    most = std::max(most, first.size() - magic_size - 5);
  }
  EXPECT_LE(most, 4097u);
  EXPECT_LT(least, 200u);
  EXPECT_GT(most, 3900u);
}

TEST_F(Obfs3Test, TakesAnyPublicKey) {
  for (Byte byte : {0, 1, 255}) {
    auto server = make(Side::responder)();
    ByteQueue in, out;
    in.append(Bytes(192, byte));
    EXPECT_EQ(test::advance(*server, in, out).value(), Handshake::Step::done);
    EXPECT_TRUE(in.empty());
  }
}

class Obfs3TransportTest : public ::testing::Test, protected test::TestHouse {
 protected:
  Obfs3TransportTest() : TestHouse("/nonexistent") {}
};

TEST_F(Obfs3TransportTest, CarriesBytesBothWays) {
  EXPECT_EQ(test::echoed_through(*this, "obfs3", {}, Args().add("any", "thing"), "hello"), "hello");
  EXPECT_EQ(chunks.lent(), 0u);
}

TEST_F(Obfs3TransportTest, EitherSideGivesUpAfterThirtySeconds) {
  const auto ends = test::silence(*this, "obfs3", {}, {});
  EXPECT_EQ(ends.client, 30s);
  EXPECT_EQ(ends.server, 30s);
  EXPECT_EQ(chunks.lent(), 0u);
  EXPECT_GE(ends.server_said.size(), 192u);
}

TEST_F(Obfs3TransportTest, WarnsOfItself) {
  EXPECT_NE(test::warnings_of_starting(services, "obfs3").find("obfs3 answers whoever probes it"), std::string::npos);
}

}  // namespace
}  // namespace ptproxy::obfs3
