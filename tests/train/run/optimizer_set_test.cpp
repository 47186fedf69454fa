// What the optimizers of a stage do with gradients that are missing.
#include "train/run/optimizer_set.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "train/optim/free_port.h"
#include "train/recipe/parse.h"
#include "train/run/model_setup.h"
#include "train/run/small_recipe.h"

namespace levin::train::run {
namespace {

using levin::testing::free_port;

constexpr int64_t kVocab = 50;

constexpr const char* kStages = R"(
[[stage]]
name = "D"
row_tokens = 96
tokens_per_step = 192
max_steps = 2
lr_warmup_steps = 0

[[stage]]
name = "S"
kind = "sparse"
row_tokens = 96
tokens_per_step = 192
max_steps = 2
)";

recipe::Recipe expert_recipe() {
  return recipe::parse_recipe(small_recipe("", kStages), "optimizer_set_test");
}

/// The same first weights each time.
nn::ModelWeights first_weights(const recipe::Recipe& recipe, nn::Trainable trainable) {
  nn::ModelWeights weights = starting_weights(recipe, {kVocab});
  ensure_indexer(weights, recipe);
  nn::set_trainable(weights, trainable);
  return weights;
}

bool is_starved(const std::string& name) { return name.find(".experts.2.") != std::string::npos; }

/// `scale` times a fixed gradient for every trained tensor; in the second step expert 2 gets none.
void set_gradients(const nn::ModelWeights& weights, int step, double scale) {
  for (const nn::NamedParameter& parameter : nn::named_parameters(weights)) {
    if (parameter.tensor.requires_grad() && !(step == 1 && is_starved(parameter.spec.name))) {
      const int64_t numel = parameter.tensor.numel();
      parameter.tensor.mutable_grad() =
          at::linspace(scale, 2.0 * scale, numel).view(parameter.tensor.sizes());
    }
  }
}

/// Two steps of a rank with `scale` times the gradients.
void train_two_steps(const nn::ModelWeights& weights, const recipe::StageSettings& stage,
                     double scale, optim::DataParallel* ranks) {
  OptimizerSet optimizers(weights, stage);
  for (int step = 0; step < 2; ++step) {
    set_gradients(weights, step, scale);
    optimizers.gather_gradients(ranks);
    (void)optimizers.clip(stage.clip_norm);
    (void)optimizers.step(stage, step);
  }
}

TEST(OptimizerSet, MovesAStarvedExpertOnOneRankAsOnTwo) {
  recipe::Recipe recipe = expert_recipe();
  for (const recipe::OptimizerKind kind :
       {recipe::OptimizerKind::kMuon, recipe::OptimizerKind::kAdamW}) {
    recipe::StageSettings& stage = recipe.stages[0];
    stage.optimizer = kind;
    const auto trained = nn::Trainable::kModelWithoutIndexer;
    const nn::ModelWeights one = first_weights(recipe, trained);
    train_two_steps(one, stage, 4e-3, nullptr);

    const std::vector<nn::ModelWeights> two = {first_weights(recipe, trained),
                                               first_weights(recipe, trained)};
    const uint16_t port = free_port();
    std::vector<std::thread> threads;
    for (int rank = 0; rank < 2; ++rank) {
      threads.emplace_back([&two, &stage, port, rank] {
        optim::DataParallel group({.rank = rank, .ranks = 2, .port = port}, {.meet_s = 30});
        train_two_steps(two[static_cast<size_t>(rank)], stage, rank == 0 ? 1e-3 : 3e-3, &group);
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    const auto one_parameters = nn::named_parameters(one);
    for (const nn::ModelWeights& rank : two) {
      const auto parameters = nn::named_parameters(rank);
      for (size_t i = 0; i < parameters.size(); ++i) {
        const at::Tensor difference = one_parameters[i].tensor - parameters[i].tensor;
        EXPECT_LT(difference.abs().max().item<float>(), 1e-4F) << parameters[i].spec.name;
      }
    }
  }
}

TEST(OptimizerSet, GivesZerosToStarvedExpertsAndNothingToWhatIsFrozen) {
  const recipe::Recipe recipe = expert_recipe();
  recipe::StageSettings stage = recipe.stages[0];
  stage.kind = recipe::StageKind::kWarmUp;
  const nn::ModelWeights frozen = first_weights(recipe, nn::Trainable::kIndexer);
  OptimizerSet(frozen, stage).gather_gradients(nullptr);
  for (const nn::NamedParameter& parameter : nn::named_parameters(frozen)) {
    EXPECT_EQ(parameter.tensor.grad().defined(), parameter.tensor.requires_grad())
        << parameter.spec.name;
  }

  const nn::ModelWeights all = first_weights(recipe, nn::Trainable::kModelWithoutIndexer);
  const OptimizerSet optimizers(all, recipe.stages[0]);
  set_gradients(all, 1, 1e-3);
  optimizers.gather_gradients(nullptr);
  for (const nn::NamedParameter& parameter : nn::named_parameters(all)) {
    if (is_starved(parameter.spec.name)) {
      EXPECT_EQ(parameter.tensor.grad().count_nonzero().item<int64_t>(), 0) << parameter.spec.name;
    }
  }
}

}  // namespace
}  // namespace levin::train::run
