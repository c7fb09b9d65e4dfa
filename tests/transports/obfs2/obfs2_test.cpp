#include "transports/obfs2/handshake.h"

#include "support/conversation.h"
#include "support/vectors.h"
#include "transports/cipher_codec.h"

#include <gtest/gtest.h>

namespace ptproxy::obfs2 {
namespace {

using namespace std::chrono_literals;
using test::array_of;
using test::bytes_of;
using test::text_of;

const KeyDerivation without_secret;

void expect_key(const KeyDerivation& derivation, std::string_view label, const Bytes& seeds,
                const boost::json::value& row, const std::string& name) {
  EXPECT_EQ(to_hex(derivation.derive(label, seeds).view()),
            text_of(row.at(name + "_key")) + text_of(row.at(name + "_iv")))
      << label;
}

void expect_keys(const KeyDerivation& derivation, const boost::json::value& row) {
  const auto first = bytes_of(row.at("init_seed")), second = bytes_of(row.at("resp_seed"));
  auto both = first;
  both.insert(both.end(), second.begin(), second.end());
  expect_key(derivation, "Initiator obfuscation padding", first, row, "init_pad");
  expect_key(derivation, "Responder obfuscation padding", second, row, "resp_pad");
  expect_key(derivation, "Initiator obfuscated data", both, row, "init_data");
  expect_key(derivation, "Responder obfuscated data", both, row, "resp_data");
}

TEST(Obfs2Keys, AgreeWithTheReference) {
  const auto vectors = test::read_vectors("obfs2.json");
  for (const auto& row : test::list_of(vectors, "key_derivation")) expect_keys(KeyDerivation(), row);
  for (const auto& row : test::list_of(vectors, "shared_secret_key_derivation"))
    expect_keys(KeyDerivation(text_of(row.at("shared_secret_ascii")), row.at("hash_iterations").to_number<int>()), row);
}

/// One side as a recording has it: it draws the recorded seed.
class RecordedSeed final : public Random {
 public:
  explicit RecordedSeed(const Bytes& seed) : seed_(seed) {}
  void fill(ByteSpan out) override {
    if (!std::exchange(first_, false)) return rest_.fill(out);
    ASSERT_EQ(out.size(), seed_.size());
    std::ranges::copy(seed_, out.begin());
  }

 private:
  Bytes seed_;
  bool first_ = true;
  SeededRandom rest_{1};
};

TEST(Obfs2, UnderstandsRecordedConnectionsFromBothSides) {
  const auto vectors = test::read_vectors("obfs2.json");
  for (const auto& row : test::list_of(vectors, "transcripts")) {
    for (Side side : {Side::initiator, Side::responder}) {
      const std::string own = side == Side::initiator ? "client" : "server",
                        peer = side == Side::initiator ? "server" : "client";
      RecordedSeed random(bytes_of(row.at(own + "_seed")));
      Obfs2Handshake handshake(side, without_secret, random);
      ByteQueue in, out;
      in.append(bytes_of(row.at(peer + "_sent")));
      ASSERT_EQ(test::advance(handshake, in, out).value(), Handshake::Step::done);
      EXPECT_EQ(to_hex(out.view().first(16)), text_of(row.at(own + "_seed")));
      const auto codec = handshake.codec();
      EXPECT_EQ(test::decoded(*codec, in.view()), text_of(row.at(peer + "_plaintext")));
      const auto sent = test::encoded(*codec, text_of(row.at(own + "_plaintext")));
      const auto recorded = bytes_of(row.at(own + "_sent"));
      EXPECT_EQ(to_hex(sent), to_hex(ByteView(recorded).last(sent.size())));
    }
  }
}

class Obfs2Test : public ::testing::Test {
 protected:
  test::MakeTransportHandshake make(Side side, const KeyDerivation& derivation = without_secret) {
    return [=, this] { return std::make_unique<Obfs2Handshake>(side, derivation, random); };
  }
  /// A responder's word with this magic number and padding length.
  Bytes hello(std::uint32_t number, std::uint32_t padding) {
    const Bytes seed(seed_size, 3);
    ByteQueue out;
    out.append_u32(number);
    out.append_u32(padding);
    Bytes hidden(out.view().begin(), out.view().end());
    hidden.resize(header_size + std::min(padding, 9000U));
    cipher_of(KeyDerivation().derive("Responder obfuscation padding", seed)).apply(hidden);
    ByteQueue all;
    all.append(seed);
    all.append(hidden);
    return {all.view().begin(), all.view().end()};
  }
  error_code verdict(const Bytes& heard) {
    auto client = make(Side::initiator)();
    ByteQueue in, out;
    in.append(heard);
    const auto step = test::advance(*client, in, out);
    return step ? error_code() : step.error();
  }
  SeededRandom random{1};
};

TEST_F(Obfs2Test, TalksToItselfInEverySlicing) {
  test::expect_conversations_in_every_slicing(make(Side::initiator), make(Side::responder));
}

TEST_F(Obfs2Test, TalksToItselfWithASharedSecret) {
  const KeyDerivation secret("swordfish", 50);
  test::expect_conversations_in_every_slicing(make(Side::initiator, secret), make(Side::responder, secret));
}

TEST_F(Obfs2Test, RefusesAnotherSharedSecret) {
  const std::pair<KeyDerivation, KeyDerivation> pairs[] = {
      {KeyDerivation("swordfish", 50), KeyDerivation("Swordfish", 50)},
      {KeyDerivation("swordfish", 50), KeyDerivation()},
      {KeyDerivation(), KeyDerivation("swordfish", 50)},
  };
  for (const auto& [one, other] : pairs) {
    const auto ends = test::converse(make(Side::initiator, one), make(Side::responder, other), 1000);
    EXPECT_EQ(ends.client_error, Errc::handshake_failed);
    EXPECT_EQ(ends.server_error, Errc::handshake_failed);
  }
}

TEST_F(Obfs2Test, TakesEveryPaddingThatTheProtocolAllowsAndNoMore) {
  for (std::uint32_t padding : {0U, 1U, 100U, 8192U})
    EXPECT_EQ(verdict(hello(magic, padding)), error_code()) << padding;
  for (std::uint32_t padding : {8193U, 0x80000000U, 0xffffffffU})
    EXPECT_EQ(verdict(hello(magic, padding)), Errc::handshake_failed) << padding;
  EXPECT_EQ(verdict(hello(magic + 1, 0)), Errc::handshake_failed);
  EXPECT_EQ(verdict(hello(magic ^ 0x80000000U, 0)), Errc::handshake_failed);
}

TEST_F(Obfs2Test, JudgesAWrongMagicBeforeThePaddingHasCome) {
  auto word = hello(magic + 1, 8192);
  word.resize(24);
  EXPECT_EQ(verdict(word), Errc::handshake_failed);
  word.resize(23);
  EXPECT_EQ(verdict(word), error_code());
}

TEST_F(Obfs2Test, SpendsOneKeyOnAWrongPeer) {
  Obfs2Handshake server(Side::responder, KeyDerivation("swordfish", 50), random);
  ByteQueue in, out;
  in.append(Bytes(100, 7));
  int computed = 0;
  Result<Handshake::Step> step = Handshake::Step::need_more;
  for (auto work = server.take_work(); step; work = server.take_work()) {
    computed += work != nullptr;
    if (work) work();
    step = server.advance(in, out);
    if (computed > 3) break;
  }
  EXPECT_EQ(step.error(), Errc::handshake_failed);
  EXPECT_EQ(computed, 2);  // its own padding's and the peer's
}

TEST_F(Obfs2Test, WorkMayOutliveItsHandshake) {
  auto server = std::make_unique<Obfs2Handshake>(Side::responder, KeyDerivation("swordfish", 50), random);
  const auto work = server->take_work();
  server.reset();
  work();
}

TEST_F(Obfs2Test, PaddingIsUniformAndSaidInOneWord) {
  std::size_t least = 99999, most = 0;
  for (int i = 0; i < 300; ++i) {
    auto client = make(Side::initiator)();
    ByteQueue in, out;
    (void)test::advance(*client, in, out);
    least = std::min(least, out.size());
    most = std::max(most, out.size());
  }
  EXPECT_GE(least, 24u);
  EXPECT_LE(most, 24u + 8192);
  EXPECT_LT(least, 400u);
  EXPECT_GT(most, 7800u);
}

class Obfs2TransportTest : public ::testing::Test, protected test::TestHouse {
 protected:
  Obfs2TransportTest() : TestHouse("/nonexistent") {}
  test::MemoryNetwork network{loop.executor()};
};

TEST_F(Obfs2TransportTest, CarriesBytesBothWaysWithAndWithoutASecret) {
  for (const Args& args : {Args(), Args().add("shared-secret", "swordfish")}) {
    EXPECT_EQ(test::echoed_through(*this, "obfs2", args, args, "hello"), "hello");
    EXPECT_EQ(chunks.lent(), 0u);
  }
}

TEST_F(Obfs2TransportTest, RefusesAnEmptySecretOnEitherSide) {
  const auto empty = Args().add("shared-secret", "");
  EXPECT_FALSE(find_transport("obfs2")->make_server(services, empty));
  auto client = find_transport("obfs2")->make_client(services).value();
  error_code why;
  loop.spawn([&]() -> Awaitable<> {
    const Endpoint bridge("192.0.2.1", 443);
    auto stream = co_await client->connect(bridge, empty, network);
    why = stream.error();
  });
  loop.run();
  EXPECT_EQ(why, Errc::bad_arguments);
  EXPECT_EQ(network.dialled(), 0);
}

TEST_F(Obfs2TransportTest, EitherSideGivesUpAfterThirtySeconds) {
  const auto ends = test::silence(*this, "obfs2", {}, {});
  EXPECT_EQ(ends.client, 30s);
  EXPECT_EQ(ends.server, 30s);
  EXPECT_EQ(chunks.lent(), 0u);
}

TEST_F(Obfs2TransportTest, WarnsOfItself) {
  EXPECT_NE(test::warnings_of_starting(services, "obfs2").find("obfs2 is easily recognised"), std::string::npos);
}

}  // namespace
}  // namespace ptproxy::obfs2
