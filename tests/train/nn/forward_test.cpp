// The training pass: what it computes, whom its losses reach, and that packing changes nothing.
#include "train/nn/forward.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "golden_case.h"
#include "tiny_model.h"
#include "train/nn/load.h"
#include "train/nn/parity_forward.h"

namespace levin::train::nn {
namespace {

using testing::next_token_loss;
using testing::random_model;
using testing::random_pack;
using testing::tiny_dense_config;
using testing::tiny_sparse_config;

ForwardOptions in_mode(AttentionMode mode) {
  ForwardOptions options;
  options.mode = mode;
  return options;
}

bool has_gradient(const NamedParameter& parameter) {
  const at::Tensor& gradient = parameter.tensor.grad();
  return gradient.defined() && gradient.count_nonzero().item<int64_t>() > 0;
}

TEST(TrainForward, EqualsTheIndependentForwardInDenseAndInSparseMode) {
  const ModelWeights weights = random_model(tiny_sparse_config(6), at::kDouble);
  const PackedBatch pack = random_pack(weights.config, {40}, 3);
  ParityOptions options;
  options.prefill_tokens = 40;
  options.simulates_fp8 = false;
  const at::Tensor sparse =
      logits(weights, forward(weights, pack, {}, in_mode(AttentionMode::kSparse)).hidden);
  EXPECT_TRUE(
      at::allclose(sparse, parity_forward({weights, {}}, pack.tokens, options).logits, 1e-9, 1e-9));

  const ModelWeights dense_weights = random_model(tiny_dense_config(), at::kDouble);
  const at::Tensor dense = logits(dense_weights, forward(dense_weights, pack, {}, {}).hidden);
  EXPECT_TRUE(at::allclose(dense, parity_forward({dense_weights, {}}, pack.tokens, options).logits,
                           1e-9, 1e-9));
  EXPECT_FALSE(at::allclose(dense, sparse, 1e-2, 1e-2));
}

TEST(TrainForward, InF32ReproducesTheDenseGoldenCases) {
  for (const char* name : {"v3-dense", "v2-lite"}) {
    const testing::GoldenCase golden(name);
    const ModelWeights weights = load_model(golden.folder());
    const at::Tensor tokens = golden.tokens();
    const ForwardResult result = forward(weights, {tokens, Documents{{0}, tokens.numel()}}, {}, {});
    const at::Tensor difference = logits(weights, result.hidden).to(at::kDouble) -
                                  golden.rows("prefill_logits", "decode_logits");
    EXPECT_LT(difference.abs().max().item<double>(), 1e-4) << name;
  }
}

TEST(TrainForward, SparseWithATopkOfTheWholeContextEqualsDense) {
  const ModelWeights weights = random_model(tiny_sparse_config(64), at::kDouble);
  const PackedBatch pack = random_pack(weights.config, {30, 20}, 4);
  EXPECT_TRUE(at::allclose(forward(weights, pack, {}, in_mode(AttentionMode::kSparse)).hidden,
                           forward(weights, pack, {}, {}).hidden, 1e-10, 1e-10));
}

TEST(TrainForward, TheLanguageModelLossGivesTheIndexerExactlyNoGradient) {
  const ModelWeights weights = random_model(tiny_sparse_config(6), at::kFloat);
  set_trainable(weights, Trainable::kEverything);
  const PackedBatch pack = random_pack(weights.config, {40}, 5);
  const ForwardResult result = forward(weights, pack, {}, in_mode(AttentionMode::kSparse));
  next_token_loss(weights, pack, result).backward();
  for (const NamedParameter& parameter : named_parameters(weights)) {
    const bool wanted =
        !is_indexer(parameter.spec.role) && parameter.spec.role != TensorRole::kRouterBias;
    EXPECT_EQ(has_gradient(parameter), wanted) << parameter.spec.name;
  }
}

TEST(TrainForward, TheIndexersLossGivesTheModelExactlyNoGradient) {
  for (const AttentionMode mode : {AttentionMode::kSparse, AttentionMode::kWarmUp}) {
    const ModelWeights weights = random_model(tiny_sparse_config(6), at::kFloat);
    set_trainable(weights, Trainable::kEverything);
    const PackedBatch pack = random_pack(weights.config, {40}, 5);
    const ForwardResult result = forward(weights, pack, {}, in_mode(mode));
    result.indexer_kl.backward();
    for (const NamedParameter& parameter : named_parameters(weights)) {
      EXPECT_EQ(has_gradient(parameter), is_indexer(parameter.spec.role)) << parameter.spec.name;
    }
  }
}

TEST(TrainForward, BothLossesTogetherGiveWhatEachGivesAlone) {
  const ModelWeights weights = random_model(tiny_sparse_config(6), at::kFloat);
  const PackedBatch pack = random_pack(weights.config, {25, 15}, 6);
  const auto gradients = [&](bool with_loss, bool with_kl) {
    set_trainable(weights, Trainable::kNothing);
    set_trainable(weights, Trainable::kEverything);
    const ForwardResult result = forward(weights, pack, {}, in_mode(AttentionMode::kSparse));
    at::Tensor sum = at::zeros({}, at::kFloat);
    if (with_loss) {
      sum = sum + next_token_loss(weights, pack, result);
    }
    if (with_kl) {
      sum = sum + result.indexer_kl;
    }
    sum.backward();
    std::vector<at::Tensor> found;
    for (const NamedParameter& parameter : named_parameters(weights)) {
      found.push_back(parameter.tensor.grad());
    }
    return found;
  };
  const std::vector<at::Tensor> both = gradients(true, true);
  const std::vector<at::Tensor> loss = gradients(true, false);
  const std::vector<at::Tensor> kl = gradients(false, true);
  const std::vector<NamedParameter> parameters = named_parameters(weights);
  for (size_t at = 0; at < parameters.size(); ++at) {
    const at::Tensor& alone = is_indexer(parameters[at].spec.role) ? kl[at] : loss[at];
    if (alone.defined()) {
      EXPECT_TRUE(at::equal(both[at], alone)) << parameters[at].spec.name;
    }
  }
}

TEST(TrainForward, DocumentsInOnePackGiveTheLossAndGradientsOfEachAlone) {
  for (const AttentionMode mode : {AttentionMode::kDense, AttentionMode::kSparse}) {
    const ModelWeights weights = random_model(tiny_sparse_config(6), at::kDouble);
    const PackedBatch pack = random_pack(weights.config, {17, 1, 30}, 8);
    ForwardOptions options = in_mode(mode);
    options.with_balance_loss = true;
    double loss = 0.0;
    const auto add = [&](const PackedBatch& batch) {
      const ForwardResult result = forward(weights, batch, {}, options);
      at::Tensor sum = next_token_loss(weights, batch, result) + result.balance_loss;
      if (result.indexer_kl.defined()) {
        sum = sum + result.indexer_kl;
      }
      sum.backward();
      loss += sum.item<double>();
    };
    set_trainable(weights, Trainable::kEverything);
    for (int64_t document_idx = 0; document_idx < 3; ++document_idx) {
      add(testing::document_of(pack, document_idx));
    }
    const double alone = std::exchange(loss, 0.0);
    std::vector<at::Tensor> wanted;
    for (const NamedParameter& parameter : named_parameters(weights)) {
      wanted.push_back(parameter.tensor.grad());
    }
    set_trainable(weights, Trainable::kNothing);
    set_trainable(weights, Trainable::kEverything);
    add(pack);
    EXPECT_NEAR(loss, alone, 1e-9);
    const std::vector<NamedParameter> parameters = named_parameters(weights);
    for (size_t at = 0; at < parameters.size(); ++at) {
      if (wanted[at].defined()) {
        EXPECT_TRUE(at::allclose(parameters[at].tensor.grad(), wanted[at], 1e-8, 1e-10))
            << parameters[at].spec.name;
      }
    }
  }
}

/// Parts of rows begin at odd places.
model::Config odd_sparse_config() {
  model::Config config = tiny_sparse_config(6);
  config.kv_lora_rank = 15;
  config.qk_nope_head_dim = 7;
  return config;
}

void expect_gradients_are_slopes(const ModelWeights& weights) {
  const PackedBatch pack = random_pack(weights.config, {24}, 9);
  const auto total = [&] {
    ForwardOptions options = in_mode(AttentionMode::kSparse);
    options.with_balance_loss = true;
    const ForwardResult result = forward(weights, pack, {}, options);
    return next_token_loss(weights, pack, result) + result.balance_loss;
  };
  set_trainable(weights, Trainable::kModelWithoutIndexer);
  total().backward();
  const at::NoGradGuard no_grad;
  for (const NamedParameter& parameter : named_parameters(weights)) {
    if (!parameter.tensor.requires_grad() || !parameter.tensor.grad().defined()) {
      continue;
    }
    // Small enough that no token changes its experts or its selection.
    constexpr double kStep = 1e-7;
    const at::Tensor direction = at::randn_like(parameter.tensor);
    parameter.tensor.add_(direction, kStep);
    const double above = total().item<double>();
    parameter.tensor.add_(direction, -2 * kStep);
    const double below = total().item<double>();
    parameter.tensor.add_(direction, kStep);
    const double slope = (parameter.tensor.grad() * direction).sum().item<double>();
    EXPECT_NEAR((above - below) / (2 * kStep), slope, 1e-4 * (1.0 + std::abs(slope)))
        << parameter.spec.name;
  }
}

TEST(TrainForward, GradientsAreTheSlopeOfTheLoss) {
  for (const model::Config& config : {tiny_sparse_config(6), odd_sparse_config()}) {
    expect_gradients_are_slopes(random_model(config, at::kDouble));
  }
}

TEST(TrainForward, GivesTheHiddenStatesOfTheChosenRowsAlone) {
  const ModelWeights weights = random_model(tiny_dense_config(), at::kFloat);
  const PackedBatch pack = random_pack(weights.config, {20}, 10);
  const at::Tensor rows = at::tensor({3, 11, 19}, at::kLong);
  EXPECT_TRUE(at::equal(forward(weights, pack, rows, {}).hidden,
                        forward(weights, pack, {}, {}).hidden.index_select(0, rows)));
}

TEST(TrainForward, AScaledTieTrainsOneMatrixFromBothEnds) {
  ModelWeights tied = random_model(tiny_dense_config(), at::kDouble);
  tied.tied_input_scale = 20.0;
  tied.embed_tokens = at::Tensor();
  ModelWeights apart = tied;
  apart.tied_input_scale = 0.0;
  apart.embed_tokens = tied.lm_head * 20.0;
  apart.lm_head = tied.lm_head.clone();
  const PackedBatch pack = random_pack(tied.config, {20}, 11);
  for (const ModelWeights& weights : {tied, apart}) {
    set_trainable(weights, Trainable::kEverything);
    next_token_loss(weights, pack, forward(weights, pack, {}, {})).backward();
  }
  EXPECT_TRUE(
      at::allclose(tied.lm_head.grad(), apart.lm_head.grad() + 20.0 * apart.embed_tokens.grad()));
}

TEST(TrainForward, RefusesTokensOfAnotherVocabularyAndIndexersOfADenseModel) {
  const ModelWeights weights = random_model(tiny_dense_config(), at::kFloat);
  PackedBatch pack = random_pack(weights.config, {20}, 12);
  EXPECT_THROW(forward(weights, pack, {}, in_mode(AttentionMode::kSparse)), base::Error);
  pack.tokens[3] = 50;
  try {
    forward(weights, pack, {}, {});
    FAIL() << "accepted";
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(),
                 "token id 50 is outside the model's vocabulary of 50; was the data made with "
                 "another tokenizer?");
  }
}

}  // namespace
}  // namespace levin::train::nn
