#include "transports/ssh/enrolment.h"

#include "support/temporary_directory.h"
#include "transports/ssh/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ptproxy::ssh {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SshEnrolmentTest : public ::testing::Test {
 protected:
  std::string file(std::string_view name) const { return folder.read(name)->value_or("none"); }

  ptproxy::test::TemporaryDirectory directory;
  Storage folder{directory.path()};
  Enrolment manual{folder, Enrolment::Policy::manual}, automatic{folder, Enrolment::Policy::automatic};
  PublicKey key = *parse_public_key(test::ed25519);
};

TEST_F(SshEnrolmentTest, BeginsWithNobody) {
  ASSERT_TRUE(manual.prepare());
  EXPECT_EQ(file("authorized_keys"), "");
  EXPECT_FALSE(manual.anybody_waits());
  EXPECT_THAT(*manual.review(), IsEmpty());
}

TEST_F(SshEnrolmentTest, KeepsWhoWasLetInBefore) {
  ASSERT_TRUE(folder.write("authorized_keys", "an operator's own line"));
  ASSERT_TRUE(manual.prepare());
  ASSERT_TRUE(automatic.ask(key));
  EXPECT_EQ(file("authorized_keys"),
            std::string("an operator's own line\nrestrict,port-forwarding ") + test::ed25519 + "\n");
}

TEST_F(SshEnrolmentTest, AutomaticallyLetsEverybodyInAndForwardOnly) {
  EXPECT_EQ(*automatic.ask(key), Enrolment::Outcome::accepted);
  EXPECT_EQ(*automatic.ask(key), Enrolment::Outcome::accepted) << "and once is enough";
  EXPECT_EQ(file("authorized_keys"), std::string("restrict,port-forwarding ") + test::ed25519 + "\n");
}

TEST_F(SshEnrolmentTest, WaitsForTheOperator) {
  EXPECT_EQ(*manual.ask(key), Enrolment::Outcome::waiting);
  EXPECT_EQ(*manual.ask(key), Enrolment::Outcome::waiting);
  EXPECT_EQ(file("pending"), std::string(test::ed25519) + " " + test::ed25519_fingerprint + "\n");
  EXPECT_EQ(file("authorized_keys"), "none");
  EXPECT_TRUE(manual.anybody_waits());
  EXPECT_THAT(*manual.review(), IsEmpty());

  ASSERT_TRUE(folder.write("accept", test::numbered_key(9).fingerprint() + "\r\n"));
  EXPECT_THAT(*manual.review(), IsEmpty()) << "that is another one";
  ASSERT_TRUE(folder.append("accept", std::string(test::ed25519_fingerprint) + " \n"));
  EXPECT_THAT(*manual.review(), ElementsAre(key));
  EXPECT_FALSE(manual.anybody_waits());
  EXPECT_EQ(file("authorized_keys"), std::string("restrict,port-forwarding ") + test::ed25519 + "\n");
  EXPECT_EQ(*manual.ask(key), Enrolment::Outcome::accepted);
}

TEST_F(SshEnrolmentTest, TakesTheOperatorSWordBeforeTheMessage) {
  ASSERT_TRUE(folder.write("accept", test::ed25519_fingerprint));
  EXPECT_EQ(*manual.ask(key), Enrolment::Outcome::accepted);
}

TEST_F(SshEnrolmentTest, ForgetsTheOldestOfTooMany) {
  for (std::uint32_t i = 0; i <= Enrolment::most_pending; ++i) ASSERT_TRUE(manual.ask(test::numbered_key(i)));
  const auto text = file("pending");
  EXPECT_EQ(std::ranges::count(text, '\n'), static_cast<long>(Enrolment::most_pending));
  EXPECT_EQ(text.find(test::numbered_key(0).fingerprint()), std::string::npos);
  EXPECT_NE(text.find(test::numbered_key(Enrolment::most_pending).fingerprint()), std::string::npos);
}

TEST_F(SshEnrolmentTest, TakesACommentForNobodySWord) {
  const std::string authorized = std::string(" # ") + test::ed25519 + "\n";
  ASSERT_TRUE(folder.write("accept", std::string("# ") + test::ed25519_fingerprint + "\n"));
  ASSERT_TRUE(folder.write("authorized_keys", authorized));
  EXPECT_EQ(*manual.ask(key), Enrolment::Outcome::waiting);
  EXPECT_THAT(*manual.review(), IsEmpty());
  EXPECT_EQ(file("authorized_keys"), authorized);
  EXPECT_EQ(*automatic.ask(key), Enrolment::Outcome::accepted);
  EXPECT_EQ(file("authorized_keys"), authorized + "restrict,port-forwarding " + test::ed25519 + "\n");
}

TEST_F(SshEnrolmentTest, LetsInNoMoreThanSshdCanReadInTime) {
  for (std::uint32_t i = 0; i < Enrolment::most_authorized; ++i)
    ASSERT_EQ(*automatic.ask(test::numbered_key(i)), Enrolment::Outcome::accepted) << i;
  const auto full = file("authorized_keys");
  EXPECT_FALSE(automatic.ask(key));
  EXPECT_EQ(*automatic.ask(test::numbered_key(5)), Enrolment::Outcome::accepted) << "who is in stays in";
  EXPECT_EQ(file("authorized_keys"), full);
}

TEST_F(SshEnrolmentTest, IsManualUnlessToldOtherwise) {
  EXPECT_EQ(*parse_policy(std::nullopt), Enrolment::Policy::manual);
  EXPECT_EQ(*parse_policy("manual"), Enrolment::Policy::manual);
  EXPECT_EQ(*parse_policy("auto"), Enrolment::Policy::automatic);
  for (const auto* other : {"", "yes", "Auto"}) EXPECT_FALSE(parse_policy(other));
}

}  // namespace
}  // namespace ptproxy::ssh
