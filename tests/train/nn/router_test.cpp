// Routing, balancing by bias, and the sequence-wise balance loss.
#include "train/nn/router.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tiny_model.h"

namespace levin::train::nn {
namespace {

using testing::random_model;
using testing::tiny_dense_config;

struct RouterCase {
  model::Config config = tiny_dense_config();
  ModelWeights weights = random_model(config, at::kDouble);
  MoeWeights moe = std::get<MoeWeights>(weights.layers[1].mlp);
  at::Tensor x = at::linspace(-2.0, 2.0, 21 * 32, at::kDouble).view({21, 32}).sin() * 3.0;
};

TEST(TrainRouter, BiasMovesTowardsTheIdleExpertsByExactlyTheSpeed) {
  const RouterCase made;
  const at::Tensor before = made.moe.e_score_correction_bias.clone();
  // The mean is 4: too many, the mean, too few.
  update_router_bias(made.moe, at::tensor({9, 4, 0, 4, 3, 5, 4, 3}, at::kLong), 0.001);
  const at::Tensor moved = made.moe.e_score_correction_bias - before;
  const at::Tensor wanted =
      at::tensor({-0.001, 0.0, 0.001, 0.0, 0.001, -0.001, 0.0, 0.001}, at::kDouble);
  EXPECT_TRUE(at::allclose(moved, wanted, 0.0, 1e-15));
}

TEST(TrainRouter, TheBiasChoosesButDoesNotWeigh) {
  const RouterCase made;
  made.moe.e_score_correction_bias.zero_();
  made.moe.e_score_correction_bias[2] = 10.0;
  made.moe.e_score_correction_bias[3] = 9.0;
  const Routing routing = route(made.config, made.moe, made.x);
  EXPECT_TRUE((routing.experts == at::tensor({2, 3}, at::kLong)).all().item<bool>());
  const at::Tensor scores = at::linear(made.x, made.moe.gate).sigmoid();
  const at::Tensor share = scores.select(1, 2) / (scores.select(1, 2) + scores.select(1, 3));
  EXPECT_TRUE(at::allclose(routing.weights.select(1, 0), share * 1.5));
}

TEST(TrainRouter, ExpertsComeFromTheBestGroupAlone) {
  const RouterCase made;  // one of two groups of four
  const at::Tensor groups = route(made.config, made.moe, made.x).experts.floor_divide(4);
  EXPECT_TRUE((groups.select(1, 0) == groups.select(1, 1)).all().item<bool>());
}

TEST(TrainRouter, LoadsCountEveryChoice) {
  const RouterCase made;
  const Routing routing = route(made.config, made.moe, made.x);
  const at::Tensor loads = expert_loads(made.config, routing);
  EXPECT_EQ(loads.numel(), 8);
  for (int64_t expert_idx = 0; expert_idx < 8; ++expert_idx) {
    EXPECT_EQ(loads[expert_idx].item<int64_t>(),
              (routing.experts == expert_idx).sum().item<int64_t>());
  }
}

/// tokens * sum_e f_e P_e, as the report writes it.
double literal_balance(const at::Tensor& scores, int64_t begin, int64_t end, int64_t per_token) {
  const int64_t experts = scores.size(1);
  const auto tokens = static_cast<double>(end - begin);
  double sum = 0.0;
  for (int64_t expert_idx = 0; expert_idx < experts; ++expert_idx) {
    double chosen = 0.0;
    double share = 0.0;
    for (int64_t t = begin; t < end; ++t) {
      int64_t better = 0;
      double total = 0.0;
      for (int64_t other = 0; other < experts; ++other) {
        total += scores[t][other].item<double>();
        better += scores[t][other].item<double>() > scores[t][expert_idx].item<double>() ? 1 : 0;
      }
      chosen += better < per_token ? 1.0 : 0.0;
      share += scores[t][expert_idx].item<double>() / total / tokens;
    }
    const double f = static_cast<double>(experts) / (static_cast<double>(per_token) * tokens);
    sum += f * chosen * share;
  }
  return tokens * sum;
}

TEST(TrainRouter, BalanceLossIsTheReportsFormulaPerDocument) {
  const RouterCase made;
  const at::Tensor scores = route(made.config, made.moe, made.x).scores;
  const double wanted = literal_balance(scores, 0, 8, 2) + literal_balance(scores, 8, 21, 2);
  EXPECT_NEAR(balance_loss(made.config, scores, Documents{{0, 8}, 21}).item<double>(), wanted,
              1e-12);
}

TEST(TrainRouter, BalanceLossIsOneATokenIfAllExpertsAreEqual) {
  const model::Config config = tiny_dense_config();
  const at::Tensor even = at::full({16, 8}, 0.5, at::kDouble);
  EXPECT_NEAR(balance_loss(config, even, Documents{{0}, 16}).item<double>(), 16.0, 1e-12);
}

}  // namespace
}  // namespace levin::train::nn
