#include "crypto/ntor.h"

#include "support/vectors.h"

#include <gtest/gtest.h>

namespace ptproxy {
namespace {

using test::array_of;
using test::secret_of;
using test::text_of;

KeyPair pair_of(const boost::json::value& private_key, const boost::json::value& public_key) {
  return KeyPair(secret_of<32>(private_key), array_of<32>(public_key), Representative{});
}

TEST(Ntor, AgreesWithTheReferenceOnBothSides) {
  const auto vectors = test::read_vectors("obfs4_ntor.json");
  for (const auto& one : test::list_of(vectors, "handshakes")) {
    const auto client = pair_of(one.at("client_private"), one.at("client_public"));
    const auto server = pair_of(one.at("server_private"), one.at("server_public"));
    const auto bridge_private = secret_of<32>(one.at("identity_private"));
    const auto bridge = array_of<32>(one.at("identity_public"));
    const auto node_id = array_of<20>(one.at("node_id"));
    EXPECT_EQ(x25519_public_key(bridge_private), bridge);
    EXPECT_EQ(public_key_of(array_of<32>(one.at("client_representative"))), client.public_key);
    EXPECT_EQ(public_key_of(array_of<32>(one.at("server_representative"))), server.public_key);

    const auto of_client = ntor_client(client, server.public_key, bridge, node_id);
    const auto of_server = ntor_server(server, client.public_key, bridge_private, bridge, node_id);
    ASSERT_TRUE(of_client && of_server);
    for (const auto& secrets : {*of_client, *of_server}) {
      EXPECT_EQ(to_hex(secrets.key_seed.view()), text_of(one.at("key_seed")));
      EXPECT_EQ(to_hex(secrets.auth), text_of(one.at("auth")));
    }
  }
}

TEST(Ntor, RefusesKeysThatMakeASecretZero) {
  const auto vectors = test::read_vectors("obfs4_ntor.json");
  for (const auto& one : test::list_of(vectors, "zero_shared_secret_rejected")) {
    const auto server = pair_of(one.at("server_private"), one.at("server_public"));
    const auto bridge_private = secret_of<32>(one.at("identity_private"));
    const auto client = public_key_of(array_of<32>(one.at("client_representative")));
    EXPECT_FALSE(ntor_server(server, client, bridge_private, x25519_public_key(bridge_private),
                             array_of<20>(one.at("node_id"))));
  }
}

TEST(Ntor, RefusesAZeroSecretOnEitherPlaceOfTheClient) {
  SeededRandom random(1);
  const auto client = KeyPair::generate(random);
  const auto good = KeyPair::generate(random).public_key;
  const PublicKey zero{};
  EXPECT_TRUE(ntor_client(client, good, good, NodeId{}));
  EXPECT_FALSE(ntor_client(client, zero, good, NodeId{}));
  EXPECT_FALSE(ntor_client(client, good, zero, NodeId{}));
}

TEST(Ntor, BindsTheNodeIdAndEveryKey) {
  SeededRandom random(2);
  const auto client = KeyPair::generate(random);
  const auto server = KeyPair::generate(random);
  const Secret<32> bridge_private(random.bytes<32>());
  const auto bridge = x25519_public_key(bridge_private);
  const NodeId node_id{1};
  const auto expected = ntor_server(server, client.public_key, bridge_private, bridge, node_id);
  ASSERT_TRUE(expected);
  EXPECT_EQ(ntor_client(client, server.public_key, bridge, node_id)->auth, expected->auth);
  EXPECT_NE(ntor_client(client, server.public_key, bridge, NodeId{2})->auth, expected->auth);
  EXPECT_NE(ntor_client(client, server.public_key, server.public_key, node_id)->auth, expected->auth);
  EXPECT_NE(ntor_client(client, bridge, bridge, node_id)->auth, expected->auth);
  EXPECT_NE(ntor_client(server, server.public_key, bridge, node_id)->auth, expected->auth);
}

TEST(Ntor, CutsTheKeyMaterialAsTheReferenceDoes) {
  const auto expect_keys = [](const DirectionKeys& keys, const boost::json::value& expected) {
    EXPECT_EQ(to_hex(keys.key.view()), text_of(expected.at("secretbox_key")));
    EXPECT_EQ(to_hex(keys.nonce_prefix), text_of(expected.at("nonce_prefix")));
    EXPECT_EQ(to_hex(keys.drbg_seed), text_of(expected.at("drbg_key")) + text_of(expected.at("drbg_iv")));
  };
  const auto vectors = test::read_vectors("obfs4_kdf.json");
  for (const auto& one : test::list_of(vectors, "cases")) {
    const SessionKeys keys(secret_of<32>(one.at("key_seed")));
    expect_keys(keys.client_to_server, one.at("client_to_server"));
    expect_keys(keys.server_to_client, one.at("server_to_client"));
  }
}

}  // namespace
}  // namespace ptproxy
