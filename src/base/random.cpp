#include <ptproxy/random.h>

#include <openssl/rand.h>
#include <sodium.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace ptproxy {
namespace {

constexpr std::size_t little = 128;

void draw(ByteSpan out) {
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1)
    throw std::runtime_error("the system has no randomness");
}

}  // namespace

std::uint64_t Random::u64() {
  return std::bit_cast<std::uint64_t>(bytes<8>());
}

std::uint32_t Random::below(std::uint32_t n) {
  // Numbers from the incomplete last run of n are drawn again, so that none is favoured.
  const std::uint32_t first_fair = -n % n;
  for (;;) {
    const auto number = std::bit_cast<std::uint32_t>(bytes<4>());
    if (number >= first_fair) return number % n;
  }
}

void SystemRandom::fill(ByteSpan out) {
  if (out.size() > little) {
    Secret<randombytes_SEEDBYTES> seed;
    fill(seed.span());
    return randombytes_buf_deterministic(out.data(), out.size(), seed.data());
  }
  if (left_ < out.size()) {
    left_ = 0;
    draw(ready_.span());
    left_ = ready_.size();
  }
  left_ -= out.size();
  const auto given = ready_.span().subspan(left_, out.size());
  std::ranges::copy(given, out.begin());
  wipe(given);
}

void SeededRandom::fill(ByteSpan out) {
  if (out.empty()) return;  // libsodium wants no null pointer, even for nothing
  ByteArray<randombytes_SEEDBYTES> seed{};
  std::memcpy(seed.data(), &seed_, sizeof seed_);
  std::memcpy(seed.data() + sizeof seed_, &calls_, sizeof calls_);
  ++calls_;
  randombytes_buf_deterministic(out.data(), out.size(), seed.data());
}

}  // namespace ptproxy
