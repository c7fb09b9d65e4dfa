#include "transports/obfs4/shape.h"

#include "crypto/hash.h"
#include "transports/obfs4/packet.h"

#include <algorithm>

namespace ptproxy::obfs4 {
namespace {

constexpr int most_delay_steps = 100;

SipHashDrbg::Seed delay_seed(const SipHashDrbg::Seed& seed) {
  const auto digest = sha256({seed});
  SipHashDrbg::Seed out;
  std::copy_n(digest.begin(), out.size(), out.begin());
  return out;
}

}  // namespace

Shape::Shape(const SipHashDrbg::Seed& seed, IatMode iat_mode, bool biased) : lengths(seed, 0, segment_size, biased) {
  if (iat_mode != IatMode::none) delays.emplace(delay_seed(seed), 0, most_delay_steps, biased);
}

std::shared_ptr<const Shape> Shapes::of(const SipHashDrbg::Seed& seed, IatMode iat_mode, bool biased) {
  return recent_.of({seed, iat_mode, biased}, [&] { return Shape(seed, iat_mode, biased); });
}

Padding pad_burst(std::size_t burst_size, std::size_t target) {
  const auto gap = gap_to(target, burst_size);
  Padding padding;
  if (gap > packet_overhead) {
    padding.first = gap - packet_overhead;
  } else if (gap > 0) {
    // One frame cannot be that small. obfs4proxy sends a full one and a second one that misses the target by its own
    // overhead; to look the same, so do we.
    padding.first = largest_packet_data;
    padding.second = gap;
  }
  return padding;
}

}  // namespace ptproxy::obfs4
