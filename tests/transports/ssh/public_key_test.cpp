#include "transports/ssh/public_key.h"

#include "transports/ssh/keys.h"
#include "transports/ssh/messages.h"

#include <gtest/gtest.h>

namespace ptproxy::ssh {
namespace {

TEST(SshPublicKey, HasTheFingerprintThatSshKeygenPrints) {
  EXPECT_EQ(parse_public_key(test::ed25519)->fingerprint(), test::ed25519_fingerprint);
  EXPECT_EQ(parse_public_key(test::rsa)->fingerprint(), test::rsa_fingerprint);
}

TEST(SshPublicKey, ComesBackAsItWasWritten) {
  for (const std::string text : {test::ed25519, test::rsa}) {
    EXPECT_EQ(parse_public_key(text)->to_string(), text);
    EXPECT_EQ(parse_public_key("  " + text + " somebody@somewhere\n")->to_string(), text);
  }
}

TEST(SshPublicKey, TellsAnEd25519KeyFromEverythingElse) {
  EXPECT_TRUE(parse_public_key(test::ed25519)->is_ed25519());
  EXPECT_FALSE(parse_public_key(test::rsa)->is_ed25519());
  const auto whole = *from_base64(std::string_view(test::ed25519).substr(12));
  for (std::size_t size = 15; size < whole.size(); ++size)
    EXPECT_FALSE(PublicKey("ssh-ed25519", Bytes(whole.begin(), whole.begin() + static_cast<long>(size))).is_ed25519())
        << size;
  auto longer = whole;
  longer.push_back(0);
  EXPECT_FALSE(PublicKey("ssh-ed25519", longer).is_ed25519());
}

TEST(SshPublicKey, IsRefusedWhenItIsNone) {
  for (const std::string text : {"", "ssh-ed25519", "ssh-ed25519 ", "ssh-ed25519 AAAA", "ssh-ed25519 !!!!",
                                 "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIFZNiHehAXqtdBnhCxwVqlhcgIFjHTxxV85l+hZIwUke",
                                 "AAAAC3NzaC1lZDI1NTE5AAAAIFZNiHehAXqtdBnhCxwVqlhcgIFjHTxxV85l+hZIwUke"})
    EXPECT_FALSE(parse_public_key(text)) << text;
  // A type that would be two options to sshd, in the key itself too.
  const std::string odd = "a\"b";
  ByteQueue blob;
  blob.append_u32(3);
  blob.append(as_bytes(odd));
  EXPECT_FALSE(parse_public_key(odd + ' ' + to_base64(blob.view())));
}

TEST(SshFingerprint, HasOneForm) {
  EXPECT_TRUE(is_fingerprint(test::ed25519_fingerprint));
  const std::string good = test::ed25519_fingerprint;
  for (const std::string& bad : {std::string(), good + "=", good.substr(1), good.substr(0, 49), "MD5:" + good.substr(7),
                                 good.substr(0, 48) + "' ", good.substr(0, 49) + "$"})
    EXPECT_FALSE(is_fingerprint(bad)) << bad;
}

TEST(SshMessages, SayWhatTheOtherSideUnderstands) {
  const auto key = *parse_public_key(test::ed25519);
  EXPECT_EQ(client_key_message(key), std::string(R"({"t":"client-key","key":")") + test::ed25519 + R"(","fp":")" +
                                         test::ed25519_fingerprint + "\"}");
  EXPECT_EQ(*read_client_key(client_key_message(key)), key);
  EXPECT_TRUE(is_accepted(accepted_message(key), key));
  EXPECT_FALSE(is_accepted(accepted_message(test::numbered_key(1)), key)) << "somebody else's";
  EXPECT_FALSE(is_accepted(client_key_message(key), key));
  EXPECT_FALSE(is_accepted("nonsense", key));
}

TEST(SshMessages, CarryAKeyAndNothingAroundIt) {
  const std::string key = test::ed25519, fp = test::ed25519_fingerprint;
  const auto message = [&fp](const std::string& text) {
    return R"({"t":"client-key","key":")" + text + R"(","fp":")" + fp + "\"}";
  };
  ASSERT_TRUE(read_client_key(message(key)));
  for (const auto& bad :
       {key + " comment", " " + key, key + R"(\n)", key + R"(\nssh-ed25519 AAAA)", R"(command=\"id\" )" + key,
        R"(no-pty,permitopen=\"*:*\" )" + key, R"(ssh-ed25519\t)" + key.substr(12),
        key.substr(0, 12) + R"(\n)" + key.substr(12), R"(cert-authority )" + key, key + R"(\u0000)",
        key + std::string(3000, 'A'), key.substr(0, 12) + std::string(3000, 'A')})
    EXPECT_FALSE(read_client_key(message(bad))) << bad;
}

TEST(SshMessages, LetInNoKeyThatIsNotTheOneOfItsFingerprint) {
  const std::string head = R"({"t":"client-key","key":")";
  for (const std::string& bad :
       {std::string("{}"), std::string("nonsense"), head + test::ed25519 + R"("})",
        head + test::ed25519 + R"(","fp":")" + test::rsa_fingerprint + "\"}",
        head + test::rsa + R"(","fp":")" + test::rsa_fingerprint + "\"}", head + R"(ssh-ed25519 AAAA","fp":"x"})",
        R"({"t":"other","key":")" + std::string(test::ed25519) + R"(","fp":")" + test::ed25519_fingerprint + "\"}"})
    EXPECT_FALSE(read_client_key(bad)) << bad;
}

}  // namespace
}  // namespace ptproxy::ssh
