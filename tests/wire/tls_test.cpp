#include "wire/tls.h"

#include "support/certificates.h"
#include "support/talk.h"

#include <gtest/gtest.h>

namespace ptproxy {
namespace {

constexpr std::int64_t now = 1'700'000'000, a_day = 86400;

class TlsTest : public ::testing::Test {
 protected:
  static const test::Authority& authority() {
    static const test::Authority made;
    return made;
  }
  static TlsSettings server_for(const std::string& names, std::int64_t from = now - a_day,
                                std::int64_t until = now + a_day) {
    const auto made = authority().issue(names, from, until);
    return TlsSettings::server(made.certificate, made.key).value();
  }
  static TlsSettings client_settings() { return TlsSettings::client_with_roots(authority().certificate()).value(); }

  /// Moves `from` to `to` in pieces, advancing the receiver after each.
  static bool feed(TlsHandshake& handshake, ByteQueue& from, ByteQueue& in, ByteQueue& out, std::size_t piece,
                   bool& done, error_code& why) {
    bool moved = false;
    while (!from.empty() && !why && !done) {
      const auto n = std::min(piece, from.size());
      in.append(from.view().first(n));
      from.drop_front(n);
      moved = true;
      const auto step = handshake.advance(in, out);
      if (!step) why = step.error();
      done = step && *step == Handshake::Step::done;
    }
    return moved;
  }

  /// Both sides until nobody says anything that the other wants to hear.
  void shake(TlsHandshake client, TlsHandshake server, std::size_t piece = 100000) {
    client_error = server_error = {};
    client_codec.reset();
    server_codec.reset();
    ByteQueue to_client, to_server, client_in, server_in;
    (void)client.advance(client_in, to_server);
    bool client_done = false, server_done = false;
    for (bool moved = true; moved;) {
      moved = feed(server, to_server, server_in, to_client, piece, server_done, server_error);
      moved |= feed(client, to_client, client_in, to_server, piece, client_done, client_error);
    }
    if (client_done && server_done) {
      client_codec = client.codec();
      server_codec = server.codec();
      left_for_server.append(server_in.view());
      left_for_server.append(to_server.view());
      left_for_client.append(client_in.view());
      left_for_client.append(to_client.view());
    }
  }
  void shake_with(const TlsSettings& server, const std::string& host, std::int64_t at = now,
                  std::size_t piece = 100000) {
    shake(TlsHandshake::client(client_settings(), host, at), TlsHandshake::server(server), piece);
  }
  Bytes pass(Codec& from, Codec& to, Bytes plain, std::size_t piece) {
    Burst burst(chunks.borrow());
    EXPECT_TRUE(from.encode(plain, burst));
    Bytes wire(burst.bytes().begin(), burst.bytes().end()), all;
    for (std::size_t at = 0; at < wire.size(); at += piece) {
      Chunk decoded = chunks.borrow();
      EXPECT_TRUE(to.decode(ByteSpan(wire).subspan(at, std::min(piece, wire.size() - at)), decoded));
      const auto bytes = std::as_const(decoded).bytes();
      all.insert(all.end(), bytes.begin(), bytes.end());
    }
    return all;
  }

  ChunkPool chunks;
  error_code client_error, server_error;
  std::unique_ptr<Codec> client_codec, server_codec;
  ByteQueue left_for_server, left_for_client;
};

TEST_F(TlsTest, CarriesBytesBothWays) {
  shake_with(server_for("DNS:meek.test"), "meek.test");
  ASSERT_TRUE(client_codec) << client_error.message() << server_error.message();
  const Bytes all(Chunk::read_limit, 0x5a);
  for (const std::size_t piece : {32768, 1000, 1}) {
    EXPECT_EQ(pass(*client_codec, *server_codec, all, piece), all);
    EXPECT_EQ(pass(*server_codec, *client_codec, all, piece), all);
  }
  EXPECT_EQ(pass(*client_codec, *server_codec, {}, 1), Bytes());
}

TEST_F(TlsTest, ShakesHandsInPiecesOfAnySize) {
  const auto server = server_for("DNS:meek.test");
  for (const std::size_t piece : {1, 2, 3, 5, 6, 7, 100, 1000}) {
    shake_with(server, "meek.test", now, piece);
    EXPECT_TRUE(client_codec) << piece;
  }
}

TEST_F(TlsTest, LeavesWhatStandsBehindTheHandshake) {
  const auto settings = server_for("DNS:meek.test");
  auto client = TlsHandshake::client(client_settings(), "meek.test", now);
  auto server = TlsHandshake::server(settings);
  ByteQueue to_server, to_client;
  (void)client.advance(to_client, to_server);
  (void)server.advance(to_server, to_client);
  ASSERT_EQ(client.advance(to_client, to_server).value(), Handshake::Step::done);
  const auto codec = client.codec();
  Burst burst(chunks.borrow());
  Bytes early = test::text_bytes("GET");
  ASSERT_TRUE(codec->encode(early, burst));
  to_server.append(burst.bytes());
  ByteQueue out;
  ASSERT_EQ(server.advance(to_server, out).value(), Handshake::Step::done);
  EXPECT_EQ(to_server.size(), burst.size());
  Bytes wire(to_server.view().begin(), to_server.view().end());
  Chunk plain = chunks.borrow();
  ASSERT_TRUE(server.codec()->decode(wire, plain));
  EXPECT_EQ(as_text(std::as_const(plain).bytes()), "GET");
}

TEST_F(TlsTest, TakesAnAddressForAName) {
  shake_with(server_for("IP:192.0.2.7"), "192.0.2.7");
  EXPECT_TRUE(client_codec);
  shake_with(server_for("IP:2001:db8::7"), "2001:db8::7");
  EXPECT_TRUE(client_codec);
}

TEST_F(TlsTest, RefusesACertificateForAnotherName) {
  for (const auto& [names, host] :
       {std::pair("DNS:other.test", "meek.test"), std::pair("DNS:192.0.2.7", "192.0.2.7"),
        std::pair("IP:192.0.2.8", "192.0.2.7"), std::pair("DNS:*.meek.test", "meek.test")}) {
    shake_with(server_for(names), host);
    EXPECT_EQ(client_error, TlsErrc::wrong_name) << names;
    EXPECT_EQ(server_error, TlsErrc::refused) << "the server is told";
    EXPECT_FALSE(client_codec);
  }
}

TEST_F(TlsTest, RefusesACertificateThatIsNotValidNow) {
  const auto server = server_for("DNS:meek.test");
  for (const auto at : {now - 2 * a_day, now + 2 * a_day}) {
    shake_with(server, "meek.test", at);
    EXPECT_EQ(client_error, TlsErrc::not_valid_now);
  }
}

TEST_F(TlsTest, RefusesAnAuthorityThatItDoesNotTrust) {
  const test::Authority another;
  const auto trusting = TlsSettings::client_with_roots(another.certificate()).value();
  shake(TlsHandshake::client(trusting, "meek.test", now), TlsHandshake::server(server_for("DNS:meek.test")));
  EXPECT_EQ(client_error, TlsErrc::untrusted);
  EXPECT_FALSE(client_codec);
}

TEST_F(TlsTest, TheSystemDoesNotTrustAnUnknownAuthority) {
  const auto system = TlsSettings::client_with_system_roots().value();
  shake(TlsHandshake::client(system, "meek.test", now), TlsHandshake::server(server_for("DNS:meek.test")));
  EXPECT_EQ(client_error, TlsErrc::untrusted);
}

TEST_F(TlsTest, KnowsWhatIsNoTls) {
  auto server = TlsHandshake::server(server_for("DNS:meek.test"));
  ByteQueue in, out;
  in.append(as_bytes("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(server.advance(in, out).error(), TlsErrc::bad_peer);
  auto client = TlsHandshake::client(client_settings(), "meek.test", now);
  (void)client.advance(in, out);
  in.append(as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
  EXPECT_EQ(client.advance(in, out).error(), TlsErrc::bad_peer);
}

TEST_F(TlsTest, NoticesAnAlteredByte) {
  shake_with(server_for("DNS:meek.test"), "meek.test");
  ASSERT_TRUE(client_codec);
  Burst burst(chunks.borrow());
  Bytes plain = test::text_bytes("plain");
  ASSERT_TRUE(client_codec->encode(plain, burst));
  Bytes wire(burst.bytes().begin(), burst.bytes().end());
  wire.back() ^= 1;
  Chunk decoded = chunks.borrow();
  EXPECT_EQ(server_codec->decode(wire, decoded).error(), TlsErrc::bad_peer);
  EXPECT_TRUE(decoded.empty());
}

TEST_F(TlsTest, ASettingThatCannotWorkIsRefused) {
  const auto one = authority().issue("DNS:a.test", now, now + a_day),
             other = authority().issue("DNS:b.test", now, now + a_day);
  EXPECT_TRUE(TlsSettings::server(one.certificate + authority().certificate(), one.key));
  EXPECT_FALSE(TlsSettings::server(one.certificate, other.key));
  EXPECT_FALSE(TlsSettings::server(one.certificate, test::Authority::encrypted(one.key)));
  EXPECT_FALSE(TlsSettings::server("", one.key));
  EXPECT_FALSE(TlsSettings::server(one.certificate, ""));
  EXPECT_FALSE(TlsSettings::client_with_roots(one.key));
}

}  // namespace
}  // namespace ptproxy
