#include "transports/scramblesuit/ticket_store.h"

#include "support/temporary_directory.h"
#include "support/vectors.h"
#include "transports/scramblesuit/identity.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace ptproxy::scramblesuit {
namespace {

using test::bytes_of;
using test::text_of;

constexpr std::int64_t now = 1728000000, day = 86400, week = 7 * day;

TEST(ScrambleSuitTicket, IsSealedAsRecorded) {
  const auto vectors = test::read_vectors("scramblesuit_uniformdh.json");
  for (const auto& row : test::list_of(vectors, "cases")) {
    const auto& issue = row.at("ticket_issue");
    TicketKeys keys;
    keys.cipher_key = test::secret_of<16>(issue.at("ticket_aes_key"));
    keys.mac_key = test::secret_of<32>(issue.at("ticket_hmac_key"));
    const auto time = issue.at("issue_time").as_int64();
    const auto master_key = test::secret_of<32>(issue.at("new_master_key"));
    const auto sealed = keys.seal(master_key, time, test::array_of<16>(issue.at("iv")));
    EXPECT_EQ(to_hex(sealed), text_of(issue.at("ticket")));
    const auto opened = keys.open(sealed, time);
    ASSERT_TRUE(opened);
    EXPECT_EQ(to_hex(opened->view()), to_hex(master_key.view()));
  }
}

class TicketTest : public ::testing::Test {
 protected:
  SeededRandom random{1};
  TicketKeyRing ring{TicketKeys::generate(random, now)};
};

TEST_F(TicketTest, LivesForAWeek) {
  const auto ticket = ring.issue(now, random);
  for (std::int64_t age : {std::int64_t{0}, day, week, std::int64_t{-3600}})
    EXPECT_TRUE(ring.open(ticket.sealed, now + age)) << age;
  for (std::int64_t age : {week + 1, 2 * week, std::int64_t{-3601}})
    EXPECT_FALSE(ring.open(ticket.sealed, now + age)) << age;
}

TEST_F(TicketTest, EveryFlippedBitSpoilsIt) {
  const auto ticket = ring.issue(now, random);
  for (std::size_t bit = 0; bit < 8 * ticket_size; ++bit) {
    auto damaged = ticket.sealed;
    damaged[bit / 8] ^= static_cast<Byte>(1 << bit % 8);
    EXPECT_FALSE(ring.open(damaged, now)) << bit;
  }
}

TEST_F(TicketTest, NoTwoAreAlike) {
  const auto one = ring.issue(now, random), other = ring.issue(now, random);
  EXPECT_NE(one.sealed, other.sealed);
  EXPECT_NE(to_hex(one.master_key.view()), to_hex(other.master_key.view()));
}

TEST_F(TicketTest, IsOpenedByTheKeysBeforeTheLastRotation) {
  const auto old = ring.issue(now + 6 * day, random);
  EXPECT_FALSE(ring.rotate(now + week, random));
  EXPECT_TRUE(ring.rotate(now + week + 1, random));
  EXPECT_FALSE(ring.rotate(now + week + 1, random));
  EXPECT_TRUE(ring.open(old.sealed, now + 8 * day));
  const auto fresh = ring.issue(now + 8 * day, random);
  EXPECT_TRUE(ring.current.open(fresh.sealed, now + 8 * day));
  EXPECT_FALSE(ring.previous->open(fresh.sealed, now + 8 * day));
  EXPECT_TRUE(ring.rotate(now + 15 * day, random));
  EXPECT_FALSE(ring.open(old.sealed, now + 8 * day)) << "two rotations later its keys are gone";
}

TEST_F(TicketTest, KeysFromAFarFutureDoNotStay) {
  EXPECT_TRUE(ring.rotate(now - 2 * day, random));
  EXPECT_EQ(ring.current.created, now - 2 * day);
  ring.current.created = std::numeric_limits<std::int64_t>::min();
  EXPECT_TRUE(ring.rotate(now, random));
}

class StoredTest : public TicketTest {
 protected:
  std::string text(const char* name) {
    std::ifstream in(folder.path() / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const char* name, std::string_view what) { ASSERT_TRUE(storage.write(name, what)); }
  TicketStore load(std::int64_t when = now) { return TicketStore::load(storage, when).value(); }
  test::TemporaryDirectory folder;
  Storage storage{folder.path()};
  const char* tickets = "scramblesuit_tickets.json";
  Endpoint bridge{"192.0.2.7", 443};
};

TEST_F(StoredTest, TicketsAreWrittenInObfs4proxysForm) {
  auto store = load();
  EXPECT_TRUE(text(tickets).empty());
  std::array<Byte, 144> bytes;
  bytes.fill(0xff);
  const Ticket ticket{std::span<const Byte, 144>(bytes)};
  store.put(Endpoint("2001:DB8:0::1", 80), ticket, 17);
  store.put(bridge, ticket, 18);
  store.put(Endpoint("::ffff:192.0.2.1", 1), ticket, 19);
  store.put(Endpoint("bridge.example", 1), ticket, 20);
  const std::string ones = std::string(230, '7') + "Y=";
  const auto row = [&](std::string_view key, int received) {
    return fmt::format(R"("{}":{{"key-ticket":"{}","issuedAt":{}}})", key, ones, received);
  };
  EXPECT_EQ(text(tickets),
            fmt::format("{{{},{},{}}}", row("192.0.2.1:1", 19), row("192.0.2.7:443", 18), row("[2001:db8::1]:80", 17)));
  const auto mode = std::filesystem::status(folder.path() / tickets).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(StoredTest, ATicketIsTakenOnceAndGoneFromTheFileBeforeItIsUsed) {
  const auto ticket = ring.issue(now, random);
  load().put(bridge, ticket, now);
  auto store = load(now + day);
  EXPECT_FALSE(store.take(Endpoint("192.0.2.7", 444), now));
  const auto taken = store.take(bridge, now + day);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->sealed, ticket.sealed);
  EXPECT_EQ(to_hex(taken->master_key.view()), to_hex(ticket.master_key.view()));
  EXPECT_EQ(text(tickets), "{}");
  EXPECT_FALSE(store.take(bridge, now + day));
}

TEST_F(StoredTest, ANewTicketReplacesTheOld) {
  auto store = load();
  const auto ticket = ring.issue(now, random);
  store.put(bridge, ring.issue(now, random), now);
  store.put(bridge, ticket, now);
  EXPECT_EQ(load().take(bridge, now)->sealed, ticket.sealed);
}

TEST_F(StoredTest, ExpiredTicketsAreNotUsed) {
  auto store = load();
  store.put(bridge, ring.issue(now, random), now);
  EXPECT_TRUE(load(now + week - 1).take(bridge, now + week - 1));
  store.put(bridge, ring.issue(now, random), now);
  EXPECT_FALSE(load(now + week).take(bridge, now + week));
  EXPECT_FALSE(store.take(bridge, now + week));
  EXPECT_EQ(text(tickets), "{}");
}

TEST_F(StoredTest, DamagedEntriesAreSkippedAndDamagedFilesRefused) {
  const auto good = to_base32(ring.issue(now, random).bytes().view());
  write(tickets, R"({"a:1":null,"b:1":7,"c:1":{},"d:1":{"key-ticket":"AAAA","issuedAt":1728000000},)"
                 R"("e:1":{"key-ticket":7,"issuedAt":1728000000},"f:1":{"key-ticket":")" +
                     good +
                     R"("},)"
                     R"("192.0.2.7:443":{"key-ticket":")" +
                     good + R"(","issuedAt":1728000000}})");
  auto store = load();
  EXPECT_TRUE(store.take(bridge, now));
  EXPECT_EQ(text(tickets), "{}");
  for (const char* broken : {"", "null", "[]", "{", "{}x", "\xff"}) {
    write(tickets, broken);
    EXPECT_FALSE(TicketStore::load(storage, now)) << broken;
    EXPECT_EQ(text(tickets), broken) << "left alone";
  }
}

TEST_F(StoredTest, TheStoreIsBounded) {
  auto store = load();
  const auto ticket = ring.issue(now, random);
  for (std::uint16_t port = 1; port <= TicketStore::most_bridges; ++port)
    store.put(Endpoint("192.0.2.7", port), ticket, now + port);
  store.put(Endpoint("192.0.2.8", 1), ticket, now + 5000);
  auto again = load(now + 5000);
  EXPECT_FALSE(again.take(Endpoint("192.0.2.7", 1), now + 5000)) << "the eldest had to go";
  EXPECT_TRUE(again.take(Endpoint("192.0.2.7", 2), now + 5000));
  EXPECT_TRUE(again.take(Endpoint("192.0.2.8", 1), now + 5000));
}

TEST_F(StoredTest, AnIdentitySurvivesARestart) {
  const auto made = Identity::load({}, storage, random, now).value();
  const auto again = Identity::load({}, storage, random, now + day).value();
  EXPECT_EQ(again.client_args(), made.client_args());
  EXPECT_EQ(again.prng_seed, made.prng_seed);
  EXPECT_TRUE(again.ticket_keys.open(made.ticket_keys.issue(now, random).sealed, now + day));
  EXPECT_FALSE(again.ticket_keys.previous);
  const auto mode = std::filesystem::status(folder.path() / "scramblesuit_state.json").permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(made.client_args().find("password")->size(), 32u);
}

TEST_F(StoredTest, AnIdentityRotatesItsKeysAndKeepsTheOldOnesOnDisk) {
  const auto made = Identity::load({}, storage, random, now).value();
  const auto ticket = made.ticket_keys.issue(now + 6 * day, random);
  const auto later = Identity::load({}, storage, random, now + 8 * day).value();
  ASSERT_TRUE(later.ticket_keys.previous);
  const auto restarted = Identity::load({}, storage, random, now + 9 * day).value();
  EXPECT_TRUE(restarted.ticket_keys.open(ticket.sealed, now + 9 * day));
  EXPECT_TRUE(restarted.ticket_keys.open(later.ticket_keys.issue(now + 8 * day, random).sealed, now + 9 * day));
}

TEST_F(StoredTest, AnOptionSetsThePasswordForGood) {
  const auto made = Identity::load({}, storage, random, now).value();
  const auto changed =
      Identity::load(Args().add("password", "GM6S3PMHAUZHJEZEYYUKQFWGHGFNMQSC"), storage, random, now).value();
  EXPECT_EQ(changed.client_args().find("password"), "GM6S3PMHAUZHJEZEYYUKQFWGHGFNMQSC");
  EXPECT_EQ(changed.prng_seed, made.prng_seed);
  EXPECT_EQ(Identity::load({}, storage, random, now).value().client_args(), changed.client_args());
}

TEST_F(StoredTest, AStateThatCannotBeReadIsRefusedAndLeftAlone) {
  for (const char* broken : {"", "{}", "[]", "{\"password\":\"GM6S3PMHAUZHJEZEYYUKQFWGHGFNMQSC\"}"}) {
    write("scramblesuit_state.json", broken);
    EXPECT_FALSE(Identity::load({}, storage, random, now));
    EXPECT_EQ(text("scramblesuit_state.json"), broken);
  }
}

TEST_F(StoredTest, ATicketThatCannotBeStruckOffIsNotUsed) {
  const Storage nowhere(folder.path() / "missing");
  auto store = TicketStore::load(nowhere, now).value();
  store.put(bridge, ring.issue(now, random), now);
  EXPECT_FALSE(store.take(bridge, now));
}

TEST(ScrambleSuitPassword, ForgivesWhatPeopleMistype) {
  const auto right = parse_password("GM6S3PMHAUZHJEZEYYUKQFWGHGFNMQSC").value();
  EXPECT_EQ(to_hex(right.view()), "333d2dbd870532749324c628a816c6398ad64242");
  EXPECT_EQ(to_text(right), "GM6S3PMHAUZHJEZEYYUKQFWGHGFNMQSC");
  EXPECT_EQ(to_text(parse_password("gm6s3pmhauzhjezeyyukqfwghgfnmqsc").value()), to_text(right));
  EXPECT_EQ(to_text(parse_password("I0000000000000000000000000000001").value()), "IOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOI");
}

TEST(ScrambleSuitPassword, IsRefusedWithoutBeingRepeated) {
  for (const char* bad : {"", "GM6S3PMHAUZHJEZEYYUKQFWGHGFNMQS", "GM6S3PMHAUZHJEZEYYUKQFWGHGFNMQSCA",
                          "GM6S3PMHAUZHJEZEYYUKQFWGHGFNMQSCAAAAAAAA", "GM6S3PMHAUZHJEZEYYUKQFWGHGFNMQ8C",
                          "GM6S3PMHAUZHJEZEYYUKQFWGHGFNMQ==", "GM6S3PMHAUZHJEZEYYUKQFWGHGFNMQS="}) {
    const auto parsed = parse_password(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().text().find("GM6S"), std::string::npos);
  }
}

}  // namespace
}  // namespace ptproxy::scramblesuit
