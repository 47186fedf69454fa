// The sampler against a naive implementation in double precision.
#include "runtime/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/error.h"
#include "base/random.h"

namespace levin::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<float> random_logits(size_t vocab, uint64_t seed, double spread = 2.0) {
  std::vector<float> logits(vocab);
  for (size_t i = 0; i < vocab; ++i) {
    logits[i] = static_cast<float>(spread * base::random_normal(seed, i));
  }
  return logits;
}

SampledToken sample_plain(std::span<const float> logits, const SamplingParams& params,
                          int64_t position = 0) {
  return sample(logits, params, {}, {}, position, nullptr);
}

/// Probabilities after temperature, top-k, top-p and min-p, by a full sort in double precision.
std::vector<double> naive_distribution(const std::vector<float>& logits,
                                       const SamplingParams& params) {
  std::vector<size_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return logits[a] > logits[b]; });
  if (params.top_k > 0) {
    order.resize(std::min(order.size(), static_cast<size_t>(params.top_k)));
  }
  std::vector<double> weights;
  weights.reserve(order.size());
  for (const size_t id : order) {
    weights.push_back(
        std::exp((double{logits[id]} - double{logits[order[0]]}) / params.temperature));
  }
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> probabilities(logits.size());
  double before = 0.0;
  double kept = 0.0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    if (before < params.top_p * total && weights[rank] >= params.min_p) {
      probabilities[order[rank]] = weights[rank];
      kept += weights[rank];
    }
    before += weights[rank];
  }
  for (double& probability : probabilities) {
    probability /= kept;
  }
  return probabilities;
}

/// Draws at many positions and bounds the chi-square statistic of the counts.
void expect_distribution(const std::vector<float>& logits, const SamplingParams& params) {
  constexpr int64_t kDraws = 20000;
  const std::vector<double> expected = naive_distribution(logits, params);
  std::vector<int64_t> counts(logits.size());
  for (int64_t position = 0; position < kDraws; ++position) {
    ++counts[static_cast<size_t>(sample_plain(logits, params, position).token)];
  }
  double chi_square = 0.0;
  double rare_expected = 0.0;  // tokens with few expected draws count as one cell
  double rare_count = 0.0;
  int cells = 0;
  for (size_t id = 0; id < logits.size(); ++id) {
    const double wanted = expected[id] * kDraws;
    if (expected[id] == 0.0) {
      EXPECT_EQ(counts[id], 0) << "token " << id << " must never be drawn";
    } else if (wanted < 10.0) {
      rare_expected += wanted;
      rare_count += static_cast<double>(counts[id]);
    } else {
      const double difference = static_cast<double>(counts[id]) - wanted;
      chi_square += difference * difference / wanted;
      ++cells;
    }
  }
  if (rare_expected > 5.0) {
    chi_square += (rare_count - rare_expected) * (rare_count - rare_expected) / rare_expected;
    ++cells;
  }
  // Mean `cells`, variance 2 * cells: five standard deviations.
  EXPECT_LT(chi_square, cells + 5.0 * std::sqrt(2.0 * cells) + 5.0);
}

TEST(Sampler, GreedyTakesTheLargestLogitAndTheLowerIdOfATie) {
  EXPECT_EQ(sample_plain(std::vector{1.0F, 3.0F, 3.0F, 2.0F}, {}).token, 1);
  EXPECT_EQ(sample_plain(std::vector{-1.0F}, {}).token, 0);
}

TEST(Sampler, DrawsFollowTheSoftmax) {
  for (const double temperature : {0.5, 1.0, 1.7}) {
    expect_distribution(random_logits(50, 1), {.temperature = temperature, .top_logprobs = -1});
  }
}

TEST(Sampler, TopKTopPAndMinPCutTheDistribution) {
  const SamplingParams base{.temperature = 1.0, .top_logprobs = -1};
  for (const uint64_t seed : {11U, 12U, 13U}) {
    SamplingParams params = base;
    params.seed = seed;
    params.top_k = 7;
    expect_distribution(random_logits(60, seed), params);
    params.top_p = 0.8;
    expect_distribution(random_logits(60, seed + 100), params);
    params.min_p = 0.2;
    expect_distribution(random_logits(60, seed + 200), params);
    params.top_k = 0;
    expect_distribution(random_logits(60, seed + 300), params);
  }
}

TEST(Sampler, TheSamplingMaskIsWhatTheNaiveTruncationKeeps) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const std::vector<float> logits =
        random_logits(3000, seed, 1.0 + static_cast<double>(seed % 4));
    const SamplingParams params{.temperature = 0.7,
                                .top_k = seed % 2 == 0 ? 0 : 900,
                                .top_p = 0.97,
                                .min_p = seed % 3 == 0 ? 0.01 : 0.0,
                                .seed = seed,
                                .wants_sampling_mask = true};
    const std::vector<double> expected = naive_distribution(logits, params);
    std::vector<int32_t> kept;
    for (size_t id = 0; id < expected.size(); ++id) {
      if (expected[id] > 0.0) {
        kept.push_back(static_cast<int32_t>(id));
      }
    }
    const SampledToken sampled = sample_plain(logits, params);
    EXPECT_EQ(sampled.sampling_mask, kept);
    EXPECT_TRUE(std::ranges::binary_search(kept, sampled.token));
  }
}

TEST(Sampler, TiesAtTheCutOfTopKKeepTheLowerIds) {
  const std::vector<float> logits = {0.0F, 1.0F, 1.0F, 1.0F, 2.0F};
  const SamplingParams params{.temperature = 1.0, .top_k = 3, .wants_sampling_mask = true};
  EXPECT_THAT(sample_plain(logits, params).sampling_mask, ElementsAre(1, 2, 4));
}

TEST(Sampler, TheGreedyMaskIsTheTokenAlone) {
  const SamplingParams params{.wants_sampling_mask = true};
  EXPECT_THAT(sample_plain(std::vector{0.0F, 5.0F}, params).sampling_mask, ElementsAre(1));
}

TEST(Sampler, EqualSeedAndPositionDrawEqually) {
  const std::vector<float> logits = random_logits(500, 3, 0.5);
  int same_position = 0;
  int same_seed = 0;
  for (int64_t position = 0; position < 200; ++position) {
    const SamplingParams params{.temperature = 1.0, .seed = 5};
    SamplingParams other = params;
    other.seed = 6;
    const int32_t token = sample_plain(logits, params, position).token;
    EXPECT_EQ(token, sample_plain(logits, params, position).token);
    same_position += token == sample_plain(logits, other, position).token ? 1 : 0;
    same_seed += token == sample_plain(logits, params, position + 1).token ? 1 : 0;
  }
  EXPECT_LT(same_position, 20) << "seeds must matter";
  EXPECT_LT(same_seed, 20) << "positions must matter";
}

TEST(Sampler, ATinyTemperatureIsGreedyAndAHugeOneUniform) {
  const std::vector<float> logits = random_logits(100, 9);
  const int32_t best = sample_plain(logits, {}).token;
  EXPECT_EQ(sample_plain(logits, {.temperature = 1e-300}).token, best);
  EXPECT_EQ(sample_plain(logits, {.temperature = 1e-6}).token, best);
  expect_distribution(logits, {.temperature = 1e9, .top_logprobs = -1});
}

TEST(Sampler, RepetitionPenaltyDividesPositiveAndMultipliesNegativeLogitsOnce) {
  const std::vector<float> logits = {4.0F, 3.0F, -1.0F, -1.5F};
  const SamplingParams params{.repetition_penalty = 2.0};
  const std::vector<int32_t> history = {0, 0, 0};
  EXPECT_EQ(sample(logits, params, history, {}, 0, nullptr).token, 1) << "4 / 2 < 3";
  const std::vector<float> negative = {-9.0F, -9.0F, -1.0F, -1.5F};
  const std::vector<int32_t> seen = {2};
  EXPECT_EQ(sample(negative, params, seen, {}, 0, nullptr).token, 3) << "-1 * 2 < -1.5";
}

TEST(Sampler, FrequencyPenaltyCountsAndPresencePenaltyDoesNot) {
  const std::vector<float> logits = {3.0F, 2.0F, 1.4F};
  const std::vector<int32_t> generated = {0, 0, 1};
  // 3 - 2 * 0.5 = 2, 2 - 0.5 = 1.5, 1.4
  EXPECT_EQ(sample(logits, {.frequency_penalty = 0.5}, {}, generated, 0, nullptr).token, 0);
  // 3 - 2 * 0.9 = 1.2, 2 - 0.9 = 1.1, 1.4
  EXPECT_EQ(sample(logits, {.frequency_penalty = 0.9}, {}, generated, 0, nullptr).token, 2);
  // 3 - 1.5, 2 - 1.5, 1.4
  EXPECT_EQ(sample(logits, {.presence_penalty = 1.5}, {}, generated, 0, nullptr).token, 0);
  EXPECT_EQ(sample(logits, {.presence_penalty = 1.7}, {}, generated, 0, nullptr).token, 2);
}

TEST(Sampler, PenaltiesDoNotTouchTheReportedLogprobs) {
  const std::vector<float> logits = {3.0F, 2.0F};
  const std::vector<int32_t> generated = {0};
  const SampledToken sampled =
      sample(logits, {.presence_penalty = 5.0, .top_logprobs = 2}, {}, generated, 0, nullptr);
  EXPECT_EQ(sampled.token, 1);
  EXPECT_NEAR(sampled.logprob, -1.0F - std::log1p(std::exp(-1.0F)), 1e-6F);
  ASSERT_EQ(sampled.top_logprobs.size(), 2U);
  EXPECT_EQ(sampled.top_logprobs[0].token, 0);
}

TEST(Sampler, LogprobsAreThoseOfTheSoftmaxInOrder) {
  const std::vector<float> logits = random_logits(2000, 21);
  const SampledToken sampled =
      sample_plain(logits, {.temperature = 0.8, .top_k = 5, .top_logprobs = 10});
  double total = 0.0;
  for (const float logit : logits) {
    total += std::exp(double{logit});
  }
  EXPECT_NEAR(sampled.logprob, double{logits[static_cast<size_t>(sampled.token)]} - std::log(total),
              1e-5);
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](int32_t a, int32_t b) {
    return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
  });
  ASSERT_EQ(sampled.top_logprobs.size(), 10U);
  for (size_t rank = 0; rank < 10; ++rank) {
    const TokenLogprob& top = sampled.top_logprobs[rank];
    EXPECT_EQ(top.token, order[rank]);
    EXPECT_NEAR(top.logprob, double{logits[static_cast<size_t>(top.token)]} - std::log(total),
                1e-5);
  }
}

TEST(Sampler, MoreAlternativesThanTokensAreAllTokens) {
  EXPECT_EQ(sample_plain(std::vector{0.0F, 1.0F}, {.top_logprobs = 20}).top_logprobs.size(), 2U);
}

TEST(Sampler, AMaskForbidsTokens) {
  TokenMask mask(130);
  mask.allow(7);
  mask.allow(128);
  const std::vector<float> logits = random_logits(130, 4);
  for (int64_t position = 0; position < 100; ++position) {
    const SampledToken sampled =
        sample(logits, {.temperature = 5.0, .wants_sampling_mask = true}, {}, {}, position, &mask);
    EXPECT_THAT(sampled.sampling_mask, ElementsAre(7, 128));
    EXPECT_TRUE(sampled.token == 7 || sampled.token == 128);
  }
}

TEST(Sampler, RefusesAMaskThatForbidsEverythingOrIsTooShort) {
  const std::vector<float> logits(100);
  for (const int64_t size : {100, 64}) {
    const TokenMask mask(size);
    try {
      sample(logits, {}, {}, {}, 0, &mask);
      FAIL() << "an error was expected";
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr("mask"));
    }
  }
}

TEST(Sampler, LogitsThatAreNotFiniteAreNeverChosen) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> logits = {nan, inf, 1.0F, -inf, 0.5F};
  EXPECT_EQ(sample_plain(logits, {.top_logprobs = 5}).token, 2);
  const SamplingParams params{.temperature = 1.0, .top_p = 0.99, .wants_sampling_mask = true};
  EXPECT_THAT(sample_plain(logits, params).sampling_mask, ElementsAre(2, 4));
  try {
    sample_plain(std::vector{nan, nan}, {});
    FAIL() << "an error was expected";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::kInvalidFile);
    EXPECT_THAT(error.what(), HasSubstr("no finite number"));
  }
}

TEST(SamplingParams, NamesTheParameterThatIsOutOfRange) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::map<std::string, SamplingParams> wrong = {
      {"temperature", {.temperature = -0.1}},
      {"top_k", {.top_k = -1}},
      {"top_p", {.top_p = 0.0}},
      {"min_p", {.min_p = 1.5}},
      {"repetition_penalty", {.repetition_penalty = 0.0}},
      {"frequency_penalty", {.frequency_penalty = nan}},
      {"presence_penalty", {.presence_penalty = nan}},
      {"top_logprobs", {.top_logprobs = -2}},
  };
  EXPECT_NO_THROW(SamplingParams{}.validate());
  for (const auto& [name, params] : wrong) {
    try {
      params.validate();
      FAIL() << name << " was accepted";
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ErrorCode::kInvalidArgument);
      EXPECT_EQ(error.where(), name);
      EXPECT_THAT(error.what(), HasSubstr("expected, got"));
    }
  }
}

}  // namespace
}  // namespace levin::runtime
