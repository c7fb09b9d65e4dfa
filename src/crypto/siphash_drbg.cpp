#include "crypto/siphash_drbg.h"

#include "crypto/go_rand.h"

#include <bit>

namespace ptproxy {
namespace {

// SipHash (Aumasson, Bernstein 2012) stands here because no library lends its running state.
using State = std::array<std::uint64_t, 4>;

void sip_round(State& v) {
  v[0] += v[1];
  v[2] += v[3];
  v[1] = std::rotl(v[1], 13) ^ v[0];
  v[3] = std::rotl(v[3], 16) ^ v[2];
  v[0] = std::rotl(v[0], 32);
  v[2] += v[1];
  v[0] += v[3];
  v[1] = std::rotl(v[1], 17) ^ v[2];
  v[3] = std::rotl(v[3], 21) ^ v[0];
  v[2] = std::rotl(v[2], 32);
}

void compress(State& v, std::uint64_t word) {
  v[3] ^= word;
  sip_round(v);
  sip_round(v);
  v[0] ^= word;
}

std::uint64_t finish(State v, Byte length) {
  compress(v, std::uint64_t{length} << 56);
  v[2] ^= 0xff;
  for (int i = 0; i < 4; ++i) sip_round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

std::uint64_t little_endian(const Byte* bytes) {
  std::uint64_t number = 0;
  for (int i = 7; i >= 0; --i) number = number << 8 | bytes[i];
  return number;
}

}  // namespace

SipHashDrbg::SipHashDrbg(const Seed& seed) : previous_(little_endian(seed.data() + 16)) {
  const auto k0 = little_endian(seed.data());
  const auto k1 = little_endian(seed.data() + 8);
  state_ = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
}

SipHashDrbg::~SipHashDrbg() {
  wipe({reinterpret_cast<Byte*>(state_.data()), sizeof state_});
  wipe({reinterpret_cast<Byte*>(&previous_), sizeof previous_});
}

ByteArray<8> SipHashDrbg::next_block() {
  compress(state_, previous_);
  fed_ = static_cast<Byte>(fed_ + 8);
  previous_ = finish(state_, fed_);
  ByteArray<8> block;
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<Byte>(previous_ >> 8 * i);
  return block;
}

std::uint16_t SipHashDrbg::next_mask() {
  const auto block = next_block();
  return static_cast<std::uint16_t>(block[0] << 8 | block[1]);
}

std::uint64_t SipHashDrbg::int63() {
  return go_rand::int63_from(next_block());
}

std::uint32_t SipHashDrbg::int31() {
  return go_rand::int31(*this);
}

std::uint32_t SipHashDrbg::intn(std::uint32_t n) {
  return go_rand::intn(*this, n);
}

double SipHashDrbg::float64() {
  return go_rand::float64(*this);
}

std::vector<std::uint32_t> SipHashDrbg::perm(std::uint32_t n) {
  std::vector<std::uint32_t> order(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    const auto j = intn(i + 1);
    order[i] = order[j];
    order[j] = i;
  }
  return order;
}

}  // namespace ptproxy
