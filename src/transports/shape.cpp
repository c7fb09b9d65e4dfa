#include "transports/shape.h"

#include "crypto/hash.h"

#include <algorithm>

namespace ptproxy {
namespace {

constexpr std::chrono::microseconds delay_step{100};
constexpr int most_delay_steps = 100;

SipHashDrbg::Seed delay_seed(const SipHashDrbg::Seed& seed) {
  const auto digest = sha256({seed});
  SipHashDrbg::Seed out;
  std::copy_n(digest.begin(), out.size(), out.begin());
  return out;
}

}  // namespace

Shape::Shape(const SipHashDrbg::Seed& seed, const ShapeForm& form)
    : lengths(seed, form.shortest_burst, segment_size, form.biased) {
  if (form.delays) delays.emplace(delay_seed(seed), 0, most_delay_steps, form.biased);
}

std::chrono::microseconds Shape::sample_delay(Random& random) const {
  return delays->sample(random) * delay_step;
}

std::shared_ptr<const Shape> Shapes::of(const SipHashDrbg::Seed& seed, const ShapeForm& form) {
  return recent_.of({seed, form}, [&] { return Shape(seed, form); });
}

void CurrentShape::reseed(const SipHashDrbg::Seed& seed) {
  seed_ = seed;
  shape_.reset();
}

const Shape& CurrentShape::operator*() {
  if (!shape_) shape_ = shapes_.of(seed_, form_);
  return *shape_;
}

void cut_into_segments(Burst& burst, const Shape& shape, Random& random) {
  for (std::size_t end = 0; end < burst.size();) {
    end = std::min(end + segment_size, burst.size());
    burst.cut(end, shape.sample_delay(random));
  }
}

}  // namespace ptproxy
