// A hello has to look like random bytes: no position of its first 256 bytes may favour a value.
#include "support/conversation.h"
#include "transports/obfs2/handshake.h"
#include "transports/obfs3/handshake.h"
#include "transports/obfs4/handshake.h"
#include "transports/scramblesuit/server_handshake.h"

#include <array>

namespace ptproxy {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr int hellos = 1000;
#else
constexpr int hellos = 10000;
#endif
constexpr std::int64_t now = 480000 * 3600 + 1800;

/// How often each value stood at each position.
class Counts {
 public:
  void add(ByteView hello) {
    for (std::size_t at = 0; at < std::min(hello.size(), rows_.size()); ++at) ++rows_[at][hello[at]];
  }
  /// The position whose values are furthest from uniform, by Pearson's statistic. Positions that few hellos reach are
  /// left out.
  double worst_of_bytes() const {
    double worst = 0;
    for (const auto& row : rows_) {
      double total = 0, statistic = 0;
      for (int count : row) total += count;
      if (total < hellos / 2.0) continue;
      const double expected = total / 256;
      for (int count : row) statistic += (count - expected) * (count - expected) / expected;
      worst = std::max(worst, statistic);
    }
    return worst;
  }
  /// The same for single bits: finer, as each is seen more often.
  double worst_of_bits() const {
    double worst = 0;
    for (const auto& row : rows_)
      for (int bit = 0; bit < 8; ++bit) {
        double total = 0, set = 0;
        for (std::size_t value = 0; value < 256; ++value) {
          total += row[value];
          if (value >> bit & 1) set += row[value];
        }
        if (total >= hellos / 2.0) worst = std::max(worst, (2 * set - total) * (2 * set - total) / total);
      }
    return worst;
  }

 private:
  std::array<std::array<int, 256>, 256> rows_{};
};

// Chance passes the first (255 degrees of freedom) once in 8 million positions, the second (1 degree) once in 500
// million bits. The randomness is seeded: a run is like any other.
constexpr double most_of_bytes = 390, most_of_bits = 36;

template <class MakeHello>
void expect_no_bias(MakeHello make) {
  Counts counts;
  for (int i = 0; i < hellos; ++i) counts.add(make());
  EXPECT_LT(counts.worst_of_bytes(), most_of_bytes);
  EXPECT_LT(counts.worst_of_bits(), most_of_bits);
}

/// What a handshake says first, or in answer to `heard`.
Bytes said_by(Handshake& handshake, ByteView heard = {}) {
  ByteQueue in, out;
  in.append(heard);
  EXPECT_TRUE(test::advance(handshake, in, out));
  return {out.view().begin(), out.view().end()};
}

/// A hello with this key or ticket at its front, and some padding: what a server needs to answer.
Bytes marked_hello(ByteView front, ByteView key, std::size_t padding, Random& random) {
  ByteQueue out;
  out.append(front);
  append_random(out, padding, random);
  append_mark_and_mac(out, key, front, epoch_hour(now));
  return {out.view().begin(), out.view().end()};
}

class HelloBias : public ::testing::Test {
 protected:
  SeededRandom random{20};
  ReplayFilter filter{random, std::chrono::hours(3), 20000};
};

TEST_F(HelloBias, WouldBeNoticed) {
  Counts fair, tilted, constant;
  for (int i = 0; i < hellos; ++i) {
    Bytes hello(256);
    random.fill(hello);
    fair.add(hello);
    if (random.below(5) == 0) hello[100] |= 0x40;  // set in 60 of 100, not in 50
    tilted.add(hello);
    hello[200] &= 0x7f;
    constant.add(hello);
  }
  EXPECT_LT(fair.worst_of_bytes(), most_of_bytes);
  EXPECT_LT(fair.worst_of_bits(), most_of_bits);
  EXPECT_GT(tilted.worst_of_bits(), most_of_bits);
  EXPECT_GT(constant.worst_of_bytes(), most_of_bytes);
}

TEST_F(HelloBias, NoneInObfs2) {
  const obfs2::KeyDerivation without_secret;
  expect_no_bias([&] {
    obfs2::Obfs2Handshake client(obfs2::Side::initiator, without_secret, random);
    return said_by(client);
  });
}

TEST_F(HelloBias, NoneInObfs3) {
  expect_no_bias([&] {
    obfs3::Obfs3Handshake client(obfs3::Side::initiator, Secret<192>(random.bytes<192>()), random);
    return said_by(client);
  });
}

class Obfs4HelloBias : public HelloBias {
 protected:
  obfs4::Identity identity{NodeId{1, 2}, Secret<32>(Bytes(32, 7)), SipHashDrbg::Seed{3}, obfs4::IatMode::none};
  Shapes shapes;
  obfs4::Shaping shaping{shapes, obfs4::IatMode::none, false};
};

TEST_F(Obfs4HelloBias, NoneInClients) {
  expect_no_bias([&] {
    obfs4::ClientHandshake client(identity.bridge, KeyPair::generate(random), now, shaping, random);
    return said_by(client);
  });
}

TEST_F(Obfs4HelloBias, NoneInServers) {
  const auto client = KeyPair::generate(random);
  expect_no_bias([&] {
    obfs4::ServerHandshake server(identity, KeyPair::generate(random), filter, {}, now, shaping, random);
    return said_by(server, marked_hello(client.representative, identity.bridge.mac_key(), 100, random));
  });
}

class ScrambleSuitHelloBias : public HelloBias {
 protected:
  scramblesuit::Identity identity{scramblesuit::Password(Bytes(20, 7)), scramblesuit::PrngSeed{1},
                                  scramblesuit::TicketKeys::generate(random, now)};
  Shapes shapes;
  scramblesuit::ClientSession session{shapes, false, random, [](const scramblesuit::Ticket&) {}};
};

TEST_F(ScrambleSuitHelloBias, NoneInUniformDhClients) {
  expect_no_bias([&] {
    scramblesuit::UniformDhClient client(identity.password, Secret<192>(random.bytes<192>()), now, session);
    return said_by(client);
  });
}

TEST_F(ScrambleSuitHelloBias, NoneInTicketClients) {
  expect_no_bias([&] {
    scramblesuit::TicketClient client(identity.ticket_keys.issue(now, random), now, session);
    return said_by(client);
  });
}

TEST_F(ScrambleSuitHelloBias, NoneInServersThatAgreeOnAKey) {
  const auto public_key = random.bytes<192>();
  expect_no_bias([&] {
    scramblesuit::ServerHandshake server(identity, filter, {}, now, shapes, random);
    return said_by(server, marked_hello(public_key, identity.password.view(), 8, random));
  });
}

TEST_F(ScrambleSuitHelloBias, NoneInServersThatAreShownATicket) {
  expect_no_bias([&] {
    const auto ticket = identity.ticket_keys.issue(now, random);
    const scramblesuit::SessionKeys keys(ticket.master_key);
    scramblesuit::ServerHandshake server(identity, filter, {}, now, shapes, random);
    return said_by(server, marked_hello(ticket.sealed, keys.from_client.mac_key.view(), 8, random));
  });
}

}  // namespace
}  // namespace ptproxy
