// Routing of one token, both kinds (docs/model.md, mixture of experts).
#include "model/router.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace levin::model {
namespace {

struct Routed {
  std::vector<int32_t> ids;
  std::vector<float> weights;
};

Routed route(const Config& config, const std::vector<float>& logits,
             const std::vector<float>& bias = {}, const std::vector<int32_t>& forced = {}) {
  const auto per_token = static_cast<size_t>(config.num_experts_per_tok);
  Routed routed{std::vector<int32_t>(per_token), std::vector<float>(per_token)};
  route_token(config, logits, bias, forced, routed.ids, routed.weights);
  return routed;
}

Config sigmoid_config(int64_t experts, int64_t per_token, int64_t groups, int64_t topk_group) {
  Config config;
  config.n_routed_experts = experts;
  config.num_experts_per_tok = per_token;
  config.n_group = groups;
  config.topk_group = topk_group;
  return config;
}

float sigmoid(float x) { return 1.0F / (1.0F + std::exp(-x)); }

TEST(SigmoidRouter, NormalisesTheScoresOfTheBestExperts) {
  Config config = sigmoid_config(4, 2, 1, 1);
  config.routed_scaling_factor = 2.5;
  const Routed routed = route(config, {0.0F, 2.0F, -1.0F, 1.0F});
  EXPECT_EQ(routed.ids, (std::vector<int32_t>{1, 3}));
  const float sum = sigmoid(2.0F) + sigmoid(1.0F);
  EXPECT_FLOAT_EQ(routed.weights[0], sigmoid(2.0F) / sum * 2.5F);
  EXPECT_FLOAT_EQ(routed.weights[1], sigmoid(1.0F) / sum * 2.5F);
}

TEST(SigmoidRouter, UsesTheBiasForChoosingOnly) {
  const Config config = sigmoid_config(3, 1, 1, 1);
  const Routed routed = route(config, {3.0F, 0.0F, 0.0F}, {0.0F, 0.0F, 5.0F});
  EXPECT_EQ(routed.ids, (std::vector<int32_t>{2}));
  EXPECT_FLOAT_EQ(routed.weights[0], 1.0F);
}

TEST(SigmoidRouter, RanksGroupsByTheirTwoBest) {
  // Group 0 holds the single best expert, group 1 the best pair.
  const Config config = sigmoid_config(4, 2, 2, 1);
  const Routed routed = route(config, {4.0F, -9.0F, 2.0F, 2.5F});
  EXPECT_EQ(routed.ids, (std::vector<int32_t>{3, 2}));
}

// As official code does, which looks at the bias and not at topk_method.
TEST(SigmoidRouter, ABiasMakesGroupsCompeteByTheirTwoBest) {
  Config config = sigmoid_config(4, 2, 2, 1);
  config.topk_method = TopkMethod::kGroupLimitedGreedy;
  const std::vector<float> logits = {4.0F, -9.0F, 2.0F, 2.5F};
  EXPECT_EQ(route(config, logits).ids, (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(route(config, logits, {0.0F, 0.0F, 0.0F, 0.0F}).ids, (std::vector<int32_t>{3, 2}));
}

TEST(SigmoidRouter, ExcludesOtherGroupsEvenIfTheKeptOnesAreNegative) {
  const Config config = sigmoid_config(4, 2, 2, 1);
  const Routed routed = route(config, {0.0F, 0.0F, 0.0F, 0.0F}, {-3.0F, -3.0F, -9.0F, -9.0F});
  EXPECT_EQ(routed.ids, (std::vector<int32_t>{0, 1}));
}

TEST(SigmoidRouter, GivesTiesToTheLowerIdAndNeverPicksNan) {
  const Config config = sigmoid_config(4, 2, 1, 1);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(route(config, {1.0F, 1.0F, 1.0F, 1.0F}).ids, (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(route(config, {nan, 0.0F, nan, -5.0F}).ids, (std::vector<int32_t>{1, 3}));
}

TEST(SoftmaxRouter, KeepsTheProbabilitiesOverAllExperts) {
  Config config = sigmoid_config(3, 2, 1, 1);
  config.scoring_func = ScoringFunc::kSoftmax;
  config.topk_method = TopkMethod::kGreedy;
  config.norm_topk_prob = false;
  const Routed routed = route(config, {std::log(1.0F), std::log(6.0F), std::log(3.0F)});
  EXPECT_EQ(routed.ids, (std::vector<int32_t>{1, 2}));
  EXPECT_NEAR(routed.weights[0], 0.6F, 1e-6F);
  EXPECT_NEAR(routed.weights[1], 0.3F, 1e-6F);
}

TEST(SoftmaxRouter, RanksGroupsByTheirBest) {
  Config config = sigmoid_config(4, 2, 2, 1);
  config.scoring_func = ScoringFunc::kSoftmax;
  config.topk_method = TopkMethod::kGroupLimitedGreedy;
  EXPECT_EQ(route(config, {4.0F, -9.0F, 2.0F, 2.5F}).ids, (std::vector<int32_t>{0, 1}));
}

TEST(SigmoidRouter, GivesNoNanWhereEveryScoreIsZero) {
  const Config config = sigmoid_config(2, 2, 1, 1);
  const Routed routed = route(config, {-200.0F, -200.0F});
  EXPECT_EQ(routed.weights, (std::vector<float>{0.0F, 0.0F}));
}

TEST(Router, TakesAForcedChoice) {
  const Config config = sigmoid_config(4, 2, 1, 1);
  const Routed routed = route(config, {9.0F, 8.0F, 0.0F, 0.0F}, {}, {3, 2});
  EXPECT_EQ(routed.ids, (std::vector<int32_t>{3, 2}));
  EXPECT_FLOAT_EQ(routed.weights[0], 0.5F);
}

}  // namespace
}  // namespace levin::model
