#include "crypto/salsa20.h"

#include <ptproxy/random.h>

#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>

namespace ptproxy {
namespace {

// Under a sanitizer everything else takes its time, too.
#if defined(__SANITIZE_ADDRESS__)
constexpr int inputs = 20'000;
#else
constexpr int inputs = 1'000'000;
#endif

/// Encrypts random messages of all sizes up to two runs, and compares with libsodium.
void expect_libsodiums(bool in_lanes, int messages) {
  SeededRandom random(1);
  ByteArray<2 * salsa20_run> message, expected;
  random.fill(message);
  for (int i = 0; i < messages; ++i) {
    const Secret<32> key(random.bytes<32>());
    const auto nonce = random.bytes<8>();
    const auto size = static_cast<std::size_t>(i) % (message.size() + 1);
    crypto_stream_salsa20_xor(expected.data(), message.data(), size, nonce.data(), key.data());
    salsa20_xor(message, size, key, nonce, in_lanes);
    ASSERT_TRUE(std::equal(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(size), message.begin()))
        << "message " << i << " of " << size << " bytes";
  }
}

TEST(Salsa20, DoesInLanesWhatLibsodiumDoes) {
  if (!salsa20_in_lanes()) GTEST_SKIP() << "this processor has no AVX-512";
  expect_libsodiums(true, inputs);
}

TEST(Salsa20, DoesTheSameWithoutLanes) {
  expect_libsodiums(false, 5000);
}

TEST(Salsa20, LeavesWhatIsBehindTheLastRunAlone) {
  for (const bool in_lanes : {false, true}) {
    if (in_lanes && !salsa20_in_lanes()) continue;
    ByteArray<3 * salsa20_run> bytes{};
    salsa20_xor(bytes, salsa20_run + 1, Secret<32>(), {}, in_lanes);
    EXPECT_NE(bytes[salsa20_run], 0);
    EXPECT_EQ(std::count(bytes.begin() + 2 * salsa20_run, bytes.end(), 0), static_cast<std::ptrdiff_t>(salsa20_run));
  }
}

}  // namespace
}  // namespace ptproxy
