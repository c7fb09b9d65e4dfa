// Compiled with -ffp-contract=off: fused operations round differently, and the tables must be those of the peer.
#include "crypto/weighted_dist.h"

#include "crypto/go_rand.h"

#include <algorithm>
#include <deque>

namespace ptproxy {
namespace {

constexpr std::uint32_t most_values = 100;

/// Go's draws out of our own randomness.
class Int63Source {
 public:
  explicit Int63Source(Random& random) : random_(random) {}
  std::uint64_t int63() { return go_rand::int63_from(random_.bytes<8>()); }

 private:
  Random& random_;
};

}  // namespace

WeightedValues::WeightedValues(const SipHashDrbg::Seed& seed, std::uint32_t size, bool biased) {
  SipHashDrbg drbg(seed);
  const auto order = drbg.perm(size);
  const auto count = drbg.intn(std::clamp(size, 1U, most_values)) + 1;
  values.reserve(count);
  weights.reserve(count);
  double spent = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    values.push_back(static_cast<std::uint16_t>(order[i]));
    const double draw = drbg.float64();
    weights.push_back(biased ? (1 - spent) * draw : draw);
    spent += weights.back();
  }
}

WeightedDist::WeightedDist(const SipHashDrbg::Seed& seed, int min, int max, bool biased) : min_(min) {
  WeightedValues drawn(seed, static_cast<std::uint32_t>(max + 1 - min), biased);
  values_ = std::move(drawn.values);
  balance(std::move(drawn.weights));
}

void WeightedDist::balance(std::vector<double> weights) {
  // Each row has room for one share of 1. Rows that need less lend the rest of their room to one that needs more. The
  // order of every operation is part of the result.
  double sum = 0;
  for (double weight : weights) sum += weight;
  auto& shares = weights;
  for (double& share : shares) share = share * static_cast<double>(shares.size()) / sum;

  probabilities_.assign(shares.size(), 1.0);
  aliases_.assign(shares.size(), 0);
  std::deque<std::uint8_t> small;
  std::deque<std::uint8_t> large;
  const auto sort_in = [&](std::uint8_t row) { (shares[row] < 1 ? small : large).push_back(row); };
  for (std::size_t row = 0; row < shares.size(); ++row) sort_in(static_cast<std::uint8_t>(row));
  while (!small.empty() && !large.empty()) {
    const auto lender = small.front();
    const auto borrower = large.front();
    small.pop_front();
    large.pop_front();
    probabilities_[lender] = shares[lender];
    aliases_[lender] = borrower;
    shares[borrower] = (shares[borrower] + shares[lender]) - 1;
    sort_in(borrower);
  }
}

int WeightedDist::sample(Random& random) const {
  Int63Source source(random);
  const auto row = go_rand::intn(source, static_cast<std::uint32_t>(values_.size()));
  const bool own = go_rand::float64(source) <= probabilities_[row];
  return min_ + values_[own ? row : aliases_[row]];
}

}  // namespace ptproxy
