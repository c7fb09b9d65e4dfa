#include "transports/obfs4/identity.h"

#include "support/temporary_directory.h"
#include "support/vectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

namespace ptproxy::obfs4 {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class IdentityTest : public ::testing::Test {
 protected:
  Checked<Identity> load(const Args& options = {}) { return Identity::load(options, storage, random); }
  std::string refusal(const Args& options = {}) {
    auto identity = load(options);
    return identity ? "" : identity.error().text();
  }
  std::string file(const char* name) { return storage.read(name).value().value_or(""); }
  Args values() {
    return Args()
        .add("node-id", "251ec01d272b193ed0d838be7f9982d8bf197738")
        .add("private-key", "e6ddfab5b9b7e6f7dfa443801914145e3d1a5ac13af5ce41229d51526742806b")
        .add("drbg-seed", "742b35cc0573cb73994b00a7174adbdd70eed5a58ff75138");
  }
  test::TemporaryDirectory directory;
  Storage storage{directory.path()};
  SeededRandom random{1};
};

TEST(Obfs4Cert, IsJudgedAsByObfs4proxy) {
  const auto vectors = test::read_vectors("obfs4_statefile.json");
  for (const auto& row : test::list_of(vectors, "cert_strings")) {
    auto bridge = parse_bridge(Args().add("cert", test::text_of(row.at("cert"))));
    ASSERT_EQ(bridge.has_value(), row.at("ok").as_bool()) << row.at("what");
    if (!bridge) continue;
    EXPECT_EQ(to_hex(bridge->node_id), test::text_of(row.at("node_id")));
    EXPECT_EQ(to_hex(bridge->public_key), test::text_of(row.at("public_key")));
  }
}

TEST(Obfs4Arguments, AreJudgedAsByObfs4proxy) {
  const auto vectors = test::read_vectors("obfs4_statefile.json");
  for (const auto& row : test::list_of(vectors, "client_arguments")) {
    Args args;
    for (const auto& [key, value] : row.at("arguments").as_object()) args.add(key, test::text_of(value));
    const auto iat_mode = parse_iat_mode(args);
    EXPECT_EQ(parse_bridge(args) && iat_mode && *iat_mode, row.at("ok").as_bool()) << boost::json::serialize(row);
  }
}

TEST_F(IdentityTest, IsWrittenAsObfs4proxyWritesIt) {
  const auto vectors = test::read_vectors("obfs4_statefile.json");
  for (const auto& row : test::list_of(vectors, "from_options")) {
    const auto iat_mode = std::to_string(row.at("iat_mode").as_int64());
    auto identity = load(Args()
                             .add("node-id", test::text_of(row.at("node_id")))
                             .add("private-key", test::text_of(row.at("private_key")))
                             .add("drbg-seed", test::text_of(row.at("drbg_seed")))
                             .add("iat-mode", iat_mode));
    ASSERT_TRUE(identity) << identity.error().text();
    EXPECT_EQ(identity->bridge.cert(), test::text_of(row.at("cert")));
    EXPECT_EQ(to_hex(identity->bridge.public_key), test::text_of(row.at("public_key")));
    // The one difference: obfs4proxy leaves the public key empty there.
    auto expected = test::text_of(row.at("state_json_when_given_as_options"));
    expected.replace(expected.find("\"public-key\":\"\""), 15,
                     "\"public-key\":\"" + test::text_of(row.at("public_key")) + "\"");
    EXPECT_EQ(file("obfs4_state.json"), expected);
    EXPECT_THAT(file("obfs4_bridgeline.txt"), EndsWith("\n\n" + test::text_of(row.at("bridge_line")) + "\n"));
  }
}

TEST_F(IdentityTest, StaysTheSameOverRestarts) {
  auto first = load();
  ASSERT_TRUE(first);
  auto second = load();
  ASSERT_TRUE(second);
  EXPECT_EQ(first->bridge, second->bridge);
  EXPECT_EQ(first->drbg_seed, second->drbg_seed);
}

TEST_F(IdentityTest, TakesOverWhatObfs4proxyMade) {
  const auto state = test::text_of(test::read_vectors("obfs4_statefile.json").at("generated_state_json"));
  ASSERT_TRUE(storage.write("obfs4_state.json", state));
  auto identity = load();
  ASSERT_TRUE(identity) << identity.error().text();
  EXPECT_EQ(file("obfs4_state.json"), state);
}

TEST_F(IdentityTest, RemembersAnIatModeGivenOnce) {
  ASSERT_TRUE(load(Args().add("iat-mode", "2")));
  EXPECT_EQ(load()->iat_mode, IatMode::everything);
  EXPECT_EQ(load()->client_args().find("iat-mode"), "2");
}

TEST_F(IdentityTest, KeepsItsFilesToItself) {
  ASSERT_TRUE(load());
  for (const auto* name : {"obfs4_state.json", "obfs4_bridgeline.txt"}) {
    struct stat there {};
    ASSERT_EQ(::stat((directory.path() / name).c_str(), &there), 0);
    EXPECT_EQ(there.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(IdentityTest, NamesTheMissingOption) {
  EXPECT_EQ(refusal(Args().add("node-id", "00")), "missing argument 'private-key'");
  EXPECT_EQ(refusal(Args().add("private-key", "00")), "missing argument 'node-id'");
  EXPECT_EQ(refusal(Args().add("private-key", "00").add("node-id", "00")), "missing argument 'drbg-seed'");
  EXPECT_THAT(refusal(values().add("iat-mode", "x")), HasSubstr("malformed iat-mode 'x'"));
  EXPECT_THAT(refusal(values().add("iat-mode", "3")), HasSubstr("invalid iat-mode '3'"));
}

TEST_F(IdentityTest, RefusesValuesOfOtherSizesWithoutRepeatingThem) {
  const auto secret = std::string("e6ddfab5b9b7e6f7dfa443801914145e3d1a5ac13af5ce41229d5152674280zz");
  const auto text = refusal(
      Args().add("private-key", secret).add("node-id", std::string(40, '0')).add("drbg-seed", std::string(48, '0')));
  EXPECT_THAT(text, HasSubstr("private-key"));
  EXPECT_THAT(text, Not(HasSubstr("e6ddfab5")));
}

TEST_F(IdentityTest, LeavesAStateFileAloneThatItCannotRead) {
  for (const auto* broken : {"", "{", "[]", "{\"node-id\":\"00\"}", "{\"iat-mode\":\"0\"}"}) {
    ASSERT_TRUE(storage.write("obfs4_state.json", broken));
    EXPECT_THAT(refusal(), HasSubstr("obfs4_state.json")) << broken;
    EXPECT_EQ(file("obfs4_state.json"), broken);
  }
}

}  // namespace
}  // namespace ptproxy::obfs4
