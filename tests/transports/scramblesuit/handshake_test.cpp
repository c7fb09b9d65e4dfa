#include "transports/scramblesuit/server_handshake.h"

#include "crypto/hash.h"
#include "support/conversation.h"
#include "support/scripted_random.h"
#include "support/vectors.h"

namespace ptproxy::scramblesuit {
namespace {

using Step = Handshake::Step;
using test::bytes_of;
using test::text_of;
namespace json = boost::json;

constexpr std::int64_t hour = 3600;

ByteView payload_of(const Bytes& bytes) {
  return bytes;
}

/// Both sides of a recorded UniformDH handshake.
class Recorded {
 public:
  explicit Recorded(const json::value& row)
      : client_hello(bytes_of(row.at("client_hello"))),
        server_hello(bytes_of(row.at("server_hello"))),
        password(test::secret_of<20>(row.at("k_B"))),
        client_key(test::secret_of<192>(row.at("client_private_raw"))),
        time(row.at("ticket_issue").at("issue_time").as_int64()) {
    const auto& messages = test::list_of(row, "server_messages");
    ticket_message = bytes_of(messages[0].at("message"));
    seed_message = bytes_of(messages[1].at("message"));
    const auto& issue = row.at("ticket_issue");
    EXPECT_EQ(time / hour, row.at("epoch_hour").as_int64());
    TicketKeys keys;
    keys.cipher_key = test::secret_of<16>(issue.at("ticket_aes_key"));
    keys.mac_key = test::secret_of<32>(issue.at("ticket_hmac_key"));
    keys.created = time;
    identity.emplace(password, test::array_of<32>(messages[1].at("payload")), keys);

    const auto client_padding = row.at("client_padding_length").to_number<std::size_t>();
    client_random.will_draw(0, 1308, client_padding);
    client_random.will_fill(payload_of(client_hello).subspan(192, client_padding));
    const auto server_padding = row.at("server_padding_length").to_number<std::size_t>();
    server_random.will_fill(bytes_of(row.at("server_private_raw")));
    server_random.will_draw(0, 1308, server_padding);
    server_random.will_fill(payload_of(server_hello).subspan(192, server_padding));
    server_random.will_fill(bytes_of(issue.at("new_master_key")));
    server_random.will_fill(bytes_of(issue.at("iv")));
  }
  UniformDhClient client() {
    return {password, client_key, time,
            ClientSession(shapes, false, client_random, [this](const Ticket& ticket) { tickets.push_back(ticket); })};
  }
  ServerHandshake server(std::int64_t at) { return {*identity, filter, {}, at, shapes, server_random}; }
  ServerHandshake server() { return server(time); }

  Bytes client_hello, server_hello, ticket_message, seed_message;
  Password password;
  Secret<192> client_key;
  std::int64_t time;
  std::optional<Identity> identity;
  test::ScriptedRandom client_random, server_random;
  SeededRandom filter_random{5};
  ReplayFilter filter{filter_random, std::chrono::hours(3), 1000};
  Shapes shapes;
  std::vector<Ticket> tickets;
};

const json::array& recorded() {
  static const auto vectors = test::read_vectors("scramblesuit_uniformdh.json");
  return test::list_of(vectors, "cases");
}

TEST(ScrambleSuitHandshake, BothSidesSayWhatWasRecorded) {
  for (const auto& row : recorded()) {
    Recorded talk(row);
    auto client = talk.client();
    auto server = talk.server();
    ByteQueue at_client, at_server, hello, answer;
    EXPECT_EQ(test::advance(client, at_client, hello).value(), Step::need_more);
    EXPECT_EQ(to_hex(hello.view()), to_hex(talk.client_hello));
    at_server.append(talk.client_hello);
    ASSERT_EQ(test::advance(server, at_server, answer).value(), Step::done);
    EXPECT_EQ(to_hex(answer.view()),
              to_hex(talk.server_hello) + to_hex(talk.ticket_message) + to_hex(talk.seed_message));
    ASSERT_EQ(test::advance(client, answer, hello).value(), Step::done);

    const auto client_codec = client.codec(), server_codec = server.codec();
    EXPECT_EQ(test::decoded(*client_codec, answer.view()), "");
    ASSERT_EQ(talk.tickets.size(), 1u);
    EXPECT_EQ(to_hex(talk.tickets[0].sealed), text_of(row.at("ticket_issue").at("ticket")));
    EXPECT_EQ(test::decoded(*client_codec, bytes_of(test::list_of(row, "server_messages")[2].at("message"))),
              as_text(bytes_of(test::list_of(row, "server_messages")[2].at("payload"))));
    EXPECT_EQ(test::decoded(*server_codec, test::encoded(*client_codec, "up")), "up");
  }
}

TEST(ScrambleSuitHandshake, ATicketClientSaysWhatObfs4proxySays) {
  const auto vectors = test::read_vectors("scramblesuit_ticket.json");
  for (const auto& row : test::list_of(vectors, "cases")) {
    const Ticket ticket(test::secret_of<32>(row.at("master_key")), test::array_of<112>(row.at("ticket")));
    const auto hello = bytes_of(row.at("client_hello"));
    const auto padding = row.at("client_padding_length").to_number<std::size_t>();
    test::ScriptedRandom random;
    random.will_draw(0, 1388, padding);
    random.will_fill(payload_of(hello).subspan(112, padding));
    Shapes shapes;
    TicketClient client(ticket, row.at("epoch_hour").as_int64() * hour,
                        ClientSession(shapes, false, random, [](const Ticket&) {}));
    ByteQueue in, out;
    EXPECT_EQ(client.advance(in, out).value(), Step::need_more);
    EXPECT_EQ(to_hex(out.view()), to_hex(hello));
  }
}

class ScrambleSuitTest : public ::testing::Test {
 protected:
  std::unique_ptr<TransportHandshake> uniform_dh_client(const Password& with) {
    return std::make_unique<UniformDhClient>(with, Secret<192>(random.bytes<192>()), time, session());
  }
  std::unique_ptr<TransportHandshake> ticket_client(const Ticket& ticket) {
    return std::make_unique<TicketClient>(ticket, time, session());
  }
  std::unique_ptr<ServerHandshake> server(int hours_later = 0) {
    return std::make_unique<ServerHandshake>(identity, filter, ServerHandshake::TimePoint(), time + hours_later * hour,
                                             shapes, random);
  }
  ClientSession session() {
    return {shapes, false, random, [this](const Ticket& ticket) { tickets.push_back(ticket); }};
  }
  /// A good hello of either kind, with the padding that it likes.
  Bytes hello_of(TransportHandshake& client) {
    ByteQueue in, out;
    EXPECT_EQ(test::advance(client, in, out).value(), Step::need_more);
    return {out.view().begin(), out.view().end()};
  }
  Bytes ticket_hello() { return hello_of(*ticket_client(identity.ticket_keys.issue(time, random))); }
  Bytes uniform_dh_hello() { return hello_of(*uniform_dh_client(identity.password)); }
  /// What the server makes of these bytes: "done", "waits" or an error. Whoever fails gets no answer and no work.
  std::string verdict(const Bytes& heard, int hours_later = 0) {
    const auto one = server(hours_later);
    ByteQueue in, out;
    in.append(heard);
    auto step = one->advance(in, out);
    if (step && *step == Step::need_more)
      if (auto work = one->take_work()) {
        EXPECT_TRUE(out.empty());
        work();
        step = one->advance(in, out);
      }
    EXPECT_EQ(out.empty(), !step || *step == Step::need_more);
    EXPECT_FALSE(one->take_work());
    if (!step) return step.error().message();
    return *step == Step::done ? "done" : "waits";
  }
  static std::string words(Errc error) { return make_error_code(error).message(); }
  SeededRandom random{1};
  std::int64_t time = 480000 * hour + 1800;
  Identity identity{Password(Bytes(20, 7)), PrngSeed{1, 2, 3}, TicketKeys::generate(random, time)};
  ReplayFilter filter{random, std::chrono::hours(3), 1000};
  Shapes shapes;
  std::vector<Ticket> tickets;
};

TEST_F(ScrambleSuitTest, TalksToItselfInEverySlicing) {
  test::expect_conversations_in_every_slicing([this] { return uniform_dh_client(identity.password); },
                                              [this] { return server(); });
  EXPECT_FALSE(tickets.empty());
}

TEST_F(ScrambleSuitTest, RedeemsTheTicketsItGaveInEverySlicing) {
  tickets.push_back(identity.ticket_keys.issue(time, random));
  test::expect_conversations_in_every_slicing([this] { return ticket_client(tickets.back()); },
                                              [this] { return server(); });
  EXPECT_GT(tickets.size(), 10u) << "every connection gives a new one";
}

TEST_F(ScrambleSuitTest, AServerToleratesOneHourEitherWay) {
  for (int shift : {-2, -1, 0, 1, 2}) {
    const auto expected = std::abs(shift) <= 1 ? "done" : words(Errc::skewed_clock);
    EXPECT_EQ(verdict(uniform_dh_hello(), shift), expected) << shift;
    // To a clock two hours behind, the ticket comes from the future, and thus is none.
    EXPECT_EQ(verdict(ticket_hello(), shift), shift == -2 ? "waits" : expected) << shift;
  }
}

TEST_F(ScrambleSuitTest, AServerAnswersWithTheClientsHour) {
  for (int shift : {-1, 0, 1}) {
    const auto client = uniform_dh_client(identity.password);
    const auto bridge = server(shift);
    ByteQueue nothing, hello, answer;
    (void)test::advance(*client, nothing, hello);
    ASSERT_EQ(test::advance(*bridge, hello, answer).value(), Step::done);
    EXPECT_EQ(test::advance(*client, answer, nothing).value(), Step::done) << shift;
  }
}

TEST_F(ScrambleSuitTest, AServerTakesNoHelloTwice) {
  for (const auto& hello : {uniform_dh_hello(), ticket_hello()}) {
    EXPECT_EQ(verdict(hello), "done");
    EXPECT_EQ(verdict(hello), words(Errc::forbidden));
    EXPECT_EQ(verdict(hello, 1), words(Errc::forbidden));
  }
}

TEST_F(ScrambleSuitTest, AServerSaysNothingToStrangers) {
  Bytes noise(10000);
  random.fill(noise);
  EXPECT_EQ(verdict(noise), words(Errc::handshake_failed));
  noise.resize(1532);
  EXPECT_EQ(verdict(noise), words(Errc::handshake_failed));
  noise.resize(1531);
  EXPECT_EQ(verdict(noise), "waits");
  EXPECT_EQ(verdict({}), "waits");
  auto wrong_password = hello_of(*uniform_dh_client(Password(Bytes(20, 8))));
  EXPECT_EQ(verdict(wrong_password), wrong_password.size() == 1532 ? words(Errc::handshake_failed) : "waits");
  wrong_password.resize(1532);
  EXPECT_EQ(verdict(wrong_password), words(Errc::handshake_failed));
}

TEST_F(ScrambleSuitTest, AServerFailsEveryChangedHello) {
  for (bool with_ticket : {false, true}) {
    const auto hello = with_ticket ? ticket_hello() : uniform_dh_hello();
    for (std::size_t at = 0; at < hello.size(); ++at) {
      auto changed = hello;
      changed[at] ^= static_cast<Byte>(1 << at % 8);
      EXPECT_NE(verdict(changed), "done") << at;
    }
    auto cut = hello;
    cut.pop_back();
    EXPECT_EQ(verdict(cut), "waits");
    EXPECT_EQ(verdict(hello), "done");
  }
}

TEST_F(ScrambleSuitTest, AServerFailsAUniformDhHelloWithSomethingBehindIt) {
  auto hello = uniform_dh_hello();
  hello.push_back(0);
  EXPECT_EQ(verdict(hello), words(Errc::handshake_failed));
  hello.pop_back();
  EXPECT_EQ(verdict(hello), words(Errc::forbidden)) << "those bytes had their chance";
}

TEST_F(ScrambleSuitTest, AServerHandsOnWhatStandsBehindATicketHello) {
  const auto hello = ticket_hello();
  ByteQueue in, out;
  in.append(hello);
  in.append(Bytes(2000, 1));
  EXPECT_EQ(server()->advance(in, out).value(), Step::done);
  EXPECT_EQ(in.size(), 2000u);
}

TEST_F(ScrambleSuitTest, AServerIgnoresTicketsThatAreNotItsOwnOrTooOld) {
  const auto keys = TicketKeys::generate(random, time);
  const MasterKey master_key(Bytes(32, 1));
  const auto iv = random.bytes<16>();
  const auto strange = hello_of(*ticket_client(Ticket(master_key, keys.seal(master_key, time, iv))));
  const auto expired = hello_of(
      *ticket_client(Ticket(master_key, identity.ticket_keys.current.seal(master_key, time - 8 * 24 * hour, iv))));
  for (const auto& hello : {strange, expired})
    EXPECT_EQ(verdict(hello), hello.size() == 1532 ? words(Errc::handshake_failed) : "waits");
}

TEST_F(ScrambleSuitTest, AServerNeverLetsAFullSegmentEndInItsMac) {
  const auto client = uniform_dh_client(identity.password);
  const auto key_and_rest = hello_of(*client);
  std::size_t least = 9999, most = 0;
  for (int i = 0; i < 600; ++i) {
    // The same key with other padding: another hello.
    ByteQueue hello, out;
    hello.append(ByteView(key_and_rest).first(192));
    append_random(hello, 8, random);
    append_mark_and_mac(hello, identity.password.view(), ByteView(key_and_rest).first(192), epoch_hour(time));
    ASSERT_EQ(test::advance(*server(), hello, out).value(), Step::done);
    const auto size = out.size() - (21 + 144) - (21 + 32);
    EXPECT_FALSE(size >= 1449 && size <= 1464);
    least = std::min(least, size);
    most = std::max(most, size);
  }
  EXPECT_GE(least, 224u);
  EXPECT_LE(most, 1532u);
  EXPECT_LT(least, 260u);
  EXPECT_GT(most, 1495u);
}

TEST_F(ScrambleSuitTest, AClientBelievesOnlyTheRightServer) {
  const auto judge = [&](const auto& change) {
    const auto client = uniform_dh_client(identity.password);
    ByteQueue nothing, hello, answer;
    (void)test::advance(*client, nothing, hello);
    EXPECT_EQ(test::advance(*server(), hello, answer).value(), Step::done);
    Bytes heard(answer.view().begin(), answer.view().end());
    heard.resize(heard.size() - (21 + 144) - (21 + 32));
    change(heard);
    ByteQueue in;
    in.append(heard);
    const auto step = test::advance(*client, in, nothing);
    if (!step) return step.error().message();
    return std::string(*step == Step::done ? "done" : "waits");
  };
  EXPECT_EQ(judge([](Bytes&) {}), "done");
  EXPECT_EQ(judge([](Bytes& heard) { heard.pop_back(); }), "waits");
  EXPECT_EQ(judge([](Bytes& heard) { heard.back() ^= 1; }), words(Errc::skewed_clock));
  EXPECT_EQ(judge([](Bytes& heard) {
              heard[0] ^= 1;
              heard.resize(1532);
            }),
            words(Errc::handshake_failed));
  EXPECT_EQ(judge([](Bytes& heard) { heard.assign(1531, 1); }), "waits");
  EXPECT_EQ(judge([](Bytes& heard) { heard.assign(1532, 1); }), words(Errc::handshake_failed));
}

TEST_F(ScrambleSuitTest, ATicketClientWaitsForAMessageAndTakesNoForgery) {
  const auto ticket = identity.ticket_keys.issue(time, random);
  const auto client = ticket_client(ticket);
  EXPECT_EQ(client->limit(), std::chrono::seconds(10));
  const auto hello = hello_of(*client);
  ByteQueue in, answer, nothing;
  in.append(hello);
  ASSERT_EQ(test::advance(*server(), in, answer).value(), Step::done);
  const Bytes all(answer.view().begin(), answer.view().end());
  const auto first_message = ByteView(all).first(21 + 144);
  ByteQueue heard;
  heard.append(first_message.first(first_message.size() - 1));
  EXPECT_EQ(client->advance(heard, nothing).value(), Step::need_more);
  heard.append(first_message.last(1));
  EXPECT_EQ(client->advance(heard, nothing).value(), Step::done);
  EXPECT_EQ(heard.size(), first_message.size()) << "the codec reads it";
  EXPECT_TRUE(tickets.empty());

  Bytes forged(first_message.begin(), first_message.end());
  forged.back() ^= 1;
  ByteQueue from_somebody;
  from_somebody.append(forged);
  EXPECT_EQ(ticket_client(ticket)->advance(from_somebody, nothing).error(), Errc::handshake_failed);
}

}  // namespace
}  // namespace ptproxy::scramblesuit
