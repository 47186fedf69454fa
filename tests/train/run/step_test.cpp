#include "train/run/step.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "train/data/generator.h"
#include "train/data/small_data.h"
#include "train/nn/config_json.h"
#include "train/nn/init.h"
#include "train/recipe/parse.h"
#include "train/run/model_setup.h"
#include "train/run/optimizer_set.h"
#include "train/run/small_recipe.h"

namespace levin::train::run {
namespace {

using recipe::StageKind;

constexpr const char* kSparseStage = R"(
[[stage]]
name = "S"
kind = "sparse"
row_tokens = 96
tokens_per_step = 384
max_steps = 1
[stage.sample]
document_tokens_min = 64
document_tokens_max = 97
)";

class TrainingStep : public ::testing::Test {
 protected:
  TrainingStep()
      : recipe_(recipe::parse_recipe(small_recipe("tied_input_scale = 20.0", kSparseStage),
                                     "step_test")),
        generator_(data::test::small_tokenizer(), data::test::small_train_corpus()),
        weights_(starting_weights(recipe_, {data::test::kSmallVocab})) {
    ensure_indexer(weights_, recipe_);
    stage().balance_loss = 0.01;
    // Down-projections start at 0, which would hide the experts from their gradients.
    for (nn::NamedParameter& parameter : nn::named_parameters(weights_)) {
      if (parameter.spec.name.ends_with("down_proj.weight")) {
        parameter.tensor.normal_(0.0, 0.1);
      }
    }
    nn::set_trainable(weights_, nn::Trainable::kEverything);
  }

  recipe::StageSettings& stage() { return recipe_.stages[0]; }

  TrainingBatch batch(int64_t first_row, int64_t rows) {
    std::vector<data::Row> made;
    for (int64_t row_idx = first_row; row_idx < first_row + rows; ++row_idx) {
      made.push_back(generator_.make_row(stage().sample, stage().row_tokens, 1, row_idx));
    }
    return make_batch(made);
  }

  /// Gradients of all parameters; undefined where there is none. Clears them.
  std::map<std::string, at::Tensor> take_gradients() {
    std::map<std::string, at::Tensor> gradients;
    for (const nn::NamedParameter& parameter : nn::named_parameters(weights_)) {
      gradients[parameter.spec.name] = parameter.tensor.grad();
      parameter.tensor.mutable_grad() = at::Tensor();
    }
    return gradients;
  }

  recipe::Recipe recipe_;
  data::Generator generator_;
  nn::ModelWeights weights_;
};

bool is_indexer(const std::string& name) { return name.find(".indexer.") != std::string::npos; }

using Gradients = std::map<std::string, at::Tensor>;

void expect_close(const Gradients& got, const Gradients& expected) {
  for (const auto& [name, gradient] : expected) {
    ASSERT_EQ(got.at(name).defined(), gradient.defined()) << name;
    if (gradient.defined()) {
      const double error = (got.at(name) - gradient).norm().item<double>();
      EXPECT_LE(error, 1e-4 * gradient.norm().item<double>() + 1e-7) << name;
    }
  }
}

TEST_F(TrainingStep, PartsOfAStepAddUpToTheWhole) {
  const StepOutcome whole = add_gradients(weights_, stage(), {batch(0, 4)});
  const auto expected = take_gradients();
  const StepOutcome parts = add_gradients(weights_, stage(), {batch(0, 2), batch(2, 2)});
  const auto got = take_gradients();
  EXPECT_NEAR(*parts.loss, *whole.loss, 1e-5);
  EXPECT_EQ(parts.value_accuracy, whole.value_accuracy);
  ASSERT_EQ(parts.layer_kl.size(), 2U);
  EXPECT_NEAR(parts.layer_kl[1], whole.layer_kl[1], 1e-5);
  expect_close(got, expected);
}

TEST_F(TrainingStep, PartsOfAWarmUpStepAddUpToTheWhole) {
  stage().kind = StageKind::kWarmUp;
  nn::set_trainable(weights_, nn::Trainable::kIndexer);
  const StepOutcome whole = add_gradients(weights_, stage(), {batch(0, 4)});
  const auto expected = take_gradients();
  const StepOutcome parts = add_gradients(weights_, stage(), {batch(0, 1), batch(1, 3)});
  ASSERT_EQ(parts.layer_kl.size(), 2U);
  EXPECT_NEAR(parts.layer_kl[0], whole.layer_kl[0], 1e-5);
  EXPECT_NEAR(parts.layer_kl[1], whole.layer_kl[1], 1e-5);
  expect_close(take_gradients(), expected);
}

TEST_F(TrainingStep, ModelAndIndexerLearnFromTheirOwnLossesAlone) {
  (void)add_gradients(weights_, stage(), {batch(0, 2)});
  const auto both = take_gradients();
  stage().kind = StageKind::kWarmUp;
  (void)add_gradients(weights_, stage(), {batch(0, 2)});
  for (const auto& [name, gradient] : take_gradients()) {
    EXPECT_EQ(gradient.defined(), is_indexer(name)) << name;
  }
  // Without the language model's loss nothing but the indexer moves; the indexer's gradient is the
  // same bits, so the language model's loss gave it exactly nothing.
  stage().kind = StageKind::kSparse;
  stage().balance_loss = 0.0;
  stage().answer_loss_scale = 0.0;
  TrainingBatch silent = batch(0, 2);
  silent.text_weights.zero_();
  silent.answer_weights.zero_();
  (void)add_gradients(weights_, stage(), {silent});
  for (const auto& [name, gradient] : take_gradients()) {
    if (is_indexer(name)) {
      EXPECT_TRUE(at::equal(gradient, both.at(name))) << name;
    } else {
      EXPECT_TRUE(!gradient.defined() || gradient.count_nonzero().item<int64_t>() == 0) << name;
    }
  }
}

TEST_F(TrainingStep, ADenseStepLeavesTheIndexerAlone) {
  stage().kind = StageKind::kDense;
  const StepOutcome outcome = add_gradients(weights_, stage(), {batch(0, 2)});
  EXPECT_TRUE(outcome.layer_kl.empty());
  EXPECT_GT(*outcome.max_expert_load(), 0.99);
  for (const auto& [name, gradient] : take_gradients()) {
    const bool has_none = is_indexer(name) || name.ends_with("e_score_correction_bias");
    EXPECT_EQ(gradient.defined(), !has_none) << name;
  }
}

TEST_F(TrainingStep, AGradientThatIsNoNumberIsKnownByName) {
  const OptimizerSet optimizers(weights_, stage());
  (void)add_gradients(weights_, stage(), {batch(0, 1)});
  EXPECT_FALSE(optimizers.first_non_finite_gradient().has_value());
  weights_.norm.mutable_grad()[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(optimizers.clip(1.0)));
  EXPECT_EQ(optimizers.first_non_finite_gradient(), "model.norm.weight");
}

TEST_F(TrainingStep, TheIndexersGradientDoesNotClipTheModels) {
  const OptimizerSet optimizers(weights_, stage());
  const std::vector<nn::NamedParameter> parameters = nn::named_parameters(weights_);
  const auto clipped = [&](double indexer_scale) {
    for (const nn::NamedParameter& parameter : parameters) {
      parameter.tensor.mutable_grad() = at::Tensor();
    }
    (void)add_gradients(weights_, stage(), {batch(0, 4)});
    std::map<std::string, at::Tensor> gradients;
    for (const nn::NamedParameter& parameter : parameters) {
      if (is_indexer(parameter.spec.name)) {
        parameter.tensor.mutable_grad().mul_(indexer_scale);
      } else if (parameter.tensor.grad().defined()) {
        gradients.emplace(parameter.spec.name, parameter.tensor.grad());
      }
    }
    EXPECT_GT(optimizers.clip(1e-3), 1e-3);
    return gradients;
  };
  const auto gradients = clipped(1.0);
  const auto beside_a_large_one = clipped(1e4);
  ASSERT_EQ(gradients.size(), beside_a_large_one.size());
  for (const auto& [name, gradient] : gradients) {
    EXPECT_TRUE(at::equal(gradient, beside_a_large_one.at(name))) << name;
  }
}

}  // namespace
}  // namespace levin::train::run
