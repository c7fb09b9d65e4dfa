#include "transports/scramblesuit/codec.h"

#include "crypto/hash.h"
#include "support/conversation.h"
#include "support/vectors.h"
#include "transports/scramblesuit/identity.h"
#include "transports/segments.h"

#include <algorithm>

namespace ptproxy::scramblesuit {
namespace {

using test::bytes_of;
using test::text_of;

void expect_keys(const SessionKeys& keys, const boost::json::value& row) {
  EXPECT_EQ(to_hex(keys.from_client.cipher_key.view()), text_of(row.at("c2s_key")));
  EXPECT_EQ(to_hex(keys.from_client.counter_prefix.view()), text_of(row.at("c2s_iv")));
  EXPECT_EQ(to_hex(keys.from_client.mac_key.view()), text_of(row.at("c2s_mac")));
  EXPECT_EQ(to_hex(keys.from_server.cipher_key.view()), text_of(row.at("s2c_key")));
  EXPECT_EQ(to_hex(keys.from_server.counter_prefix.view()), text_of(row.at("s2c_iv")));
  EXPECT_EQ(to_hex(keys.from_server.mac_key.view()), text_of(row.at("s2c_mac")));
}

/// Encodes and decodes recorded messages.
void expect_messages(const DirectionKeys& keys, const boost::json::array& messages) {
  MessageEncoder encoder(keys);
  MessageDecoder decoder(keys);
  for (const auto& row : messages) {
    const auto payload = bytes_of(row.at("payload"));
    const auto type = static_cast<MessageType>(row.at("flags").to_number<int>());
    Bytes wire(largest_message);
    wire.resize(encoder.write(wire, type, payload, row.at("padding_length").to_number<std::size_t>()));
    EXPECT_EQ(to_hex(wire), text_of(row.at("message")));
    ByteSpan rest(wire);
    const auto message = decoder.next(rest);
    ASSERT_TRUE(message && *message);
    EXPECT_TRUE(rest.empty());
    EXPECT_EQ((*message)->type, type);
    EXPECT_EQ(to_hex((*message)->payload), to_hex(payload));
  }
}

TEST(ScrambleSuitMessages, AreThoseOfObfs4proxy) {
  const auto vectors = test::read_vectors("scramblesuit_keys.json");
  for (const auto& row : test::list_of(vectors, "cases")) {
    const SessionKeys keys(test::secret_of<32>(row.at("master_key")));
    expect_keys(keys, row.at("keys"));
    expect_messages(keys.from_client, test::list_of(row, "client_messages"));
  }
  const auto handshakes = test::read_vectors("scramblesuit_uniformdh.json");
  for (const auto& row : test::list_of(handshakes, "cases")) {
    const SessionKeys keys(test::secret_of<32>(row.at("master_key")));
    expect_keys(keys, row.at("keys"));
    expect_messages(keys.from_server, test::list_of(row, "server_messages"));
  }
}

TEST(ScrambleSuitPadding, HitsTheTargetWhereObfs4proxyDoesAndWhereItDoesNot) {
  const auto vectors = test::read_vectors("scramblesuit_padding.json");
  for (const auto& row : test::list_of(vectors, "cases")) {
    const auto burst = row.at("burst_length").to_number<std::size_t>(),
               target = row.at("target").to_number<std::size_t>();
    const auto padding = pad_burst(burst, target);
    const auto& theirs = row.at("appended_message_lengths").as_array();
    EXPECT_EQ(padding.first, theirs[0].to_number<std::size_t>()) << burst << " to " << target;
    EXPECT_EQ(padding.second.has_value(), theirs.size() == 2);
    EXPECT_EQ((burst + padding.first + padding.second.value_or(0)) % segment_size, target % segment_size);
  }
}

TEST(ScrambleSuitPadding, IsMadeOfMessagesThatCanBe) {
  for (std::size_t burst = 0; burst < segment_size; ++burst)
    for (std::size_t target = 21; target <= segment_size; target += 7) {
      const auto padding = pad_burst(burst, target);
      for (auto size : {padding.first, padding.second.value_or(message_overhead)})
        ASSERT_TRUE(size >= message_overhead && size <= largest_message) << burst << " to " << target;
      ASSERT_EQ((burst + padding.first + padding.second.value_or(0)) % segment_size, target % segment_size);
    }
}

class ScrambleSuitCodecTest : public ::testing::Test {
 protected:
  ScrambleSuitCodec client() {
    return {MessageEncoder(keys.from_client), MessageDecoder(keys.from_server), shape({1}), random,
            [this](const Ticket& ticket) { tickets.push_back(ticket); }};
  }
  ScrambleSuitCodec server(bool inter_arrival = false) {
    return {MessageEncoder(keys.from_server), MessageDecoder(keys.from_client), shape({2}, inter_arrival), random,
            nullptr};
  }
  CurrentShape shape(const SipHashDrbg::Seed& seed, bool inter_arrival = false) {
    return {shapes, shape_form(inter_arrival), seed};
  }
  Bytes message(const DirectionKeys& direction, int type, ByteView payload, std::size_t padding = 0) {
    MessageEncoder encoder(direction);
    Bytes wire(largest_message);
    wire.resize(encoder.write(wire, static_cast<MessageType>(type), payload, padding));
    return wire;
  }
  /// A message whose MAC is right and whose lengths may be wrong.
  Bytes forged(std::size_t total, std::size_t payload, Byte flags) {
    ByteQueue hidden;
    hidden.append_u16(static_cast<std::uint16_t>(total));
    hidden.append_u16(static_cast<std::uint16_t>(payload));
    hidden.append(flags);
    hidden.append(Bytes(total, 'x'));
    Bytes encrypted(hidden.view().begin(), hidden.view().end());
    keys.from_client.cipher().apply(encrypted);
    ByteQueue all;
    all.append(hmac_sha256_128(keys.from_client.mac_key.view(), {encrypted}));
    all.append(encrypted);
    return {all.view().begin(), all.view().end()};
  }
  SessionKeys keys{MasterKey(Bytes(32, 3))};
  Shapes shapes;
  SeededRandom random{4};
  std::vector<Ticket> tickets;
  ChunkPool chunks;
};

TEST_F(ScrambleSuitCodecTest, CarriesBurstsOfEverySizeInEverySlicing) {
  for (std::size_t size : {1u, 20u, 1426u, 1427u, 1428u, 10000u, 32768u}) {
    for (std::size_t piece : {1u, 20u, 21u, 22u, 1447u, 1448u, 1449u, 30000u}) {
      if (size * 40 > piece * 32768) continue;  // the big ones not byte by byte
      auto sender = client();
      auto receiver = server();
      Bytes plain(size);
      random.fill(plain);
      EXPECT_EQ(test::decoded(receiver, test::encoded(sender, as_text(plain)), piece), as_text(plain)) << size;
      EXPECT_EQ(test::decoded(sender, test::encoded(receiver, as_text(plain)), piece), as_text(plain)) << size;
    }
  }
}

TEST_F(ScrambleSuitCodecTest, EveryBurstHasALengthOfTheTable) {
  const WeightedDist table(SipHashDrbg::Seed{2}, 21, 1448, true);
  auto sender = server();
  for (int i = 0; i < 200; ++i) {
    const auto burst = test::encoded(sender, std::string(1 + random.below(5000), 'x')).size();
    EXPECT_TRUE(std::ranges::any_of(table.values(), [&](auto v) { return (v + 21u) % 1448 == burst % 1448; })) << burst;
  }
}

TEST_F(ScrambleSuitCodecTest, RestsBetweenSegmentsAsTheSeedHasItWhereThatIsWanted) {
  auto at_once = server(), with_rests = server(true);
  Bytes plain(20000);
  Burst whole(chunks.borrow());
  ASSERT_TRUE(at_once.encode(plain, whole));
  EXPECT_TRUE(whole.cuts().empty());

  std::set<std::chrono::microseconds> rests;
  for (int i = 0; i < 50; ++i) {
    Burst burst(chunks.borrow());
    ASSERT_TRUE(with_rests.encode(plain, burst));
    std::size_t begin = 0;
    for (const auto& cut : burst.cuts()) {
      EXPECT_LE(cut.end - begin, segment_size);
      begin = cut.end;
      rests.insert(cut.rest);
    }
    EXPECT_EQ(begin, burst.size());
  }
  const Shape expected({2}, shape_form(true));
  EXPECT_GT(rests.size(), 1u);
  EXPECT_LE(*rests.rbegin(), std::chrono::milliseconds(10));
  for (auto rest : rests)
    EXPECT_TRUE(std::ranges::any_of(expected.delays->values(), [&](auto v) { return v * 100 == rest.count(); }));
}

TEST_F(ScrambleSuitCodecTest, AClientTakesTicketsAndTheServersLengths) {
  auto receiver = client();
  const PrngSeed seed{5, 6, 7};
  Bytes ticket(144);
  random.fill(ticket);
  MessageEncoder encoder(keys.from_server);
  Bytes wire(1000);
  auto size = encoder.write(wire, MessageType::new_ticket, ticket, 10);
  size += encoder.write(ByteSpan(wire).subspan(size), MessageType::prng_seed, seed, 11);
  size += encoder.write(ByteSpan(wire).subspan(size), MessageType::payload, as_bytes("hello"), 12);
  wire.resize(size);
  EXPECT_EQ(test::decoded(receiver, wire, 50), "hello");
  ASSERT_EQ(tickets.size(), 1u);
  EXPECT_EQ(to_hex(tickets[0].bytes().view()), to_hex(ticket));
  const WeightedDist table(shape_seed(seed), 21, 1448, true);
  for (int i = 0; i < 100; ++i) {
    const auto burst = test::encoded(receiver, std::string(1 + random.below(5000), 'x')).size();
    EXPECT_TRUE(std::ranges::any_of(table.values(), [&](auto v) { return (v + 21u) % 1448 == burst % 1448; })) << burst;
  }
}

TEST_F(ScrambleSuitCodecTest, AClientKeepsOneTicketAConnection) {
  auto receiver = client();
  MessageEncoder encoder(keys.from_server);
  Bytes wire(99 * (message_overhead + 144));
  for (ByteSpan left = wire; !left.empty();)
    left = left.subspan(encoder.write(left, MessageType::new_ticket, Bytes(144, 1), 0));
  error_code error;
  EXPECT_EQ(test::decoded(receiver, wire, 30000, &error), "");
  EXPECT_FALSE(error);
  EXPECT_EQ(tickets.size(), 1u) << "each costs its owner a file";
}

TEST_F(ScrambleSuitCodecTest, RefusesWhatThePeerCannotMean) {
  error_code error;
  for (int flags : {0, 3, 5, 6, 7, 8, 128, 255}) {
    auto receiver = client();
    EXPECT_EQ(test::decoded(receiver, message(keys.from_server, flags, Bytes(32, 1)), 5, &error), "");
    EXPECT_EQ(error, Errc::bad_message) << flags;
  }
  for (std::size_t size : {0u, 32u, 143u, 145u}) {
    auto receiver = client();
    test::decoded(receiver, message(keys.from_server, 2, Bytes(size)), 5, &error);
    EXPECT_EQ(error, Errc::bad_message);
  }
  for (std::size_t size : {0u, 24u, 31u, 33u}) {
    auto receiver = client();
    test::decoded(receiver, message(keys.from_server, 4, Bytes(size)), 5, &error);
    EXPECT_EQ(error, Errc::bad_message);
  }
  for (auto [type, size] : {std::pair(2, 144u), std::pair(4, 32u)}) {
    auto receiver = server();
    test::decoded(receiver, message(keys.from_client, type, Bytes(size)), 5, &error);
    EXPECT_EQ(error, Errc::bad_message);
  }
  EXPECT_TRUE(tickets.empty());
}

TEST_F(ScrambleSuitCodecTest, RefusesImpossibleLengthsEvenWithARightMac) {
  error_code error;
  auto receiver = server();
  EXPECT_EQ(test::decoded(receiver, forged(1427, 1427, 1), 100, &error).size(), 1427u);
  EXPECT_FALSE(error);
  for (auto [total, payload] : {std::pair(1428u, 0u), std::pair(65535u, 0u), std::pair(10u, 11u), std::pair(0u, 1u)}) {
    auto other = server();
    test::decoded(other, forged(total, payload, 1), 100, &error);
    EXPECT_EQ(error, Errc::bad_message) << total;
  }
}

TEST_F(ScrambleSuitCodecTest, RefusesEveryFlippedBitAndDeliversNothingOfIt) {
  const auto sound = message(keys.from_client, 1, as_bytes("hello"), 3);
  for (std::size_t bit = 0; bit < 8 * sound.size(); ++bit) {
    auto damaged = sound;
    damaged[bit / 8] ^= static_cast<Byte>(1 << bit % 8);
    damaged.resize(damaged.size() + largest_message);  // so that a longer length finds its bytes
    auto receiver = server();
    error_code error;
    EXPECT_EQ(test::decoded(receiver, damaged, 30000, &error), "") << bit;
    EXPECT_EQ(error, Errc::bad_message) << bit;
  }
}

TEST_F(ScrambleSuitCodecTest, RefusesARepeatedMessageAndDeliversWhatStandsBeforeIt) {
  auto wire = message(keys.from_client, 1, as_bytes("once"));
  ByteQueue twice;
  twice.append(wire);
  twice.append(wire);
  auto receiver = server();
  error_code error;
  EXPECT_EQ(test::decoded(receiver, twice.view(), 30000, &error), "once");
  EXPECT_EQ(error, Errc::bad_message);
}

}  // namespace
}  // namespace ptproxy::scramblesuit
