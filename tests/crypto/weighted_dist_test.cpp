#include "crypto/weighted_dist.h"

#include "crypto/hash.h"
#include "support/vectors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

namespace ptproxy {
namespace {

/// The byte stream SHA256(label | 0) | SHA256(label | 1) | ..., numbers as 8 bytes big-endian.
class LabelledRandom final : public Random {
 public:
  explicit LabelledRandom(std::string label) : label_(std::move(label)) {}
  void fill(ByteSpan out) override {
    for (Byte& byte : out) {
      if (used_ == block_.size()) refill();
      byte = block_[used_++];
    }
  }

 private:
  void refill() {
    ByteArray<8> number;
    for (std::size_t i = 0; i < 8; ++i) number[i] = static_cast<Byte>(blocks_ >> (56 - 8 * i));
    ++blocks_;
    block_ = sha256({as_bytes(label_), number});
    used_ = 0;
  }

  std::string label_;
  std::uint64_t blocks_ = 0;
  ByteArray<32> block_{};
  std::size_t used_ = block_.size();
};

class WeightedDistTest : public testing::Test {
 protected:
  template <class Check>
  void for_each_table(Check check) {
    const auto vectors = test::read_vectors("obfs4_probdist.json");
    for (const auto& table : test::list_of(vectors, "tables"))
      check(table, test::array_of<24>(table.at("seed")), table.at("min").to_number<int>(),
            table.at("max").to_number<int>(), table.at("biased").as_bool());
  }

  static std::vector<double> doubles_of(const boost::json::value& table, std::string_view name) {
    std::vector<double> numbers;
    for (const auto& number : test::list_of(table, name)) numbers.push_back(test::double_of(number));
    return numbers;
  }

  template <class T>
  static std::vector<T> copy_of(std::span<const T> view) {
    return {view.begin(), view.end()};
  }
};

TEST_F(WeightedDistTest, DrawsTheReferencesValuesAndWeights) {
  for_each_table([](const boost::json::value& table, const SipHashDrbg::Seed& seed, int min, int max, bool biased) {
    const WeightedValues drawn(seed, static_cast<std::uint32_t>(max + 1 - min), biased);
    EXPECT_EQ(drawn.values, boost::json::value_to<std::vector<std::uint16_t>>(table.at("values")));
    EXPECT_EQ(drawn.weights, doubles_of(table, "weights"));
  });
}

TEST_F(WeightedDistTest, MakesTheReferencesTablesBitForBit) {
  for_each_table([](const boost::json::value& table, const SipHashDrbg::Seed& seed, int min, int max, bool biased) {
    const WeightedDist dist(seed, min, max, biased);
    EXPECT_EQ(dist.min(), min);
    EXPECT_EQ(copy_of(dist.values()), boost::json::value_to<std::vector<std::uint16_t>>(table.at("values")));
    EXPECT_EQ(copy_of(dist.probabilities()), doubles_of(table, "prob"));
    EXPECT_EQ(copy_of(dist.aliases()), boost::json::value_to<std::vector<std::uint8_t>>(table.at("alias")));
  });
}

TEST_F(WeightedDistTest, SamplesAsTheReferenceDoes) {
  for_each_table([](const boost::json::value& table, const SipHashDrbg::Seed& seed, int min, int max, bool biased) {
    const WeightedDist dist(seed, min, max, biased);
    LabelledRandom random(test::text_of(table.at("sample_stream_label")));
    for (const auto& sample : test::list_of(table, "samples")) EXPECT_EQ(dist.sample(random), sample.to_number<int>());
  });
}

TEST_F(WeightedDistTest, SamplesByWeight) {
  const SipHashDrbg::Seed seed{1};
  const WeightedValues drawn(seed, 1449, false);
  const WeightedDist dist(seed, 0, 1448, false);
  double sum = 0;
  for (double weight : drawn.weights) sum += weight;
  SeededRandom random(1);
  std::map<int, int> counts;
  constexpr int draws = 100000;
  for (int i = 0; i < draws; ++i) ++counts[dist.sample(random)];
  for (std::size_t i = 0; i < drawn.values.size(); ++i) {
    const double expected = draws * drawn.weights[i] / sum;
    EXPECT_NEAR(counts[drawn.values[i]], expected, 6 * std::sqrt(expected) + 1) << drawn.values[i];
  }
}

TEST_F(WeightedDistTest, KnowsASingleValue) {
  const WeightedDist dist(SipHashDrbg::Seed{}, 7, 7, true);
  SeededRandom random(1);
  EXPECT_EQ(dist.values().size(), 1U);
  EXPECT_EQ(dist.sample(random), 7);
}

TEST_F(WeightedDistTest, MayHoldNothingButZero) {
  // A seed that a server can give its clients on purpose.
  SipHashDrbg::Seed seed;
  std::ranges::copy(from_hex("aa5f8fadece6b9a6f61a805a1801851e7d6f6d8a05176b7f").value(), seed.begin());
  const WeightedDist dist(seed, 0, 1448, false);
  EXPECT_EQ(copy_of(dist.values()), std::vector<std::uint16_t>{0});
}

}  // namespace
}  // namespace ptproxy
