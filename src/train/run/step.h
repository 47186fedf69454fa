// The gradients of one training step.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "train/nn/weights.h"
#include "train/optim/data_parallel.h"
#include "train/recipe/recipe.h"
#include "train/run/batch.h"

namespace levin::train::run {

/// Logits of so many positions are alive at a time.
inline constexpr int64_t kHeadRows = 1024;

/// What a step found out on the way. What its kind does not have is empty.
struct StepOutcome {
  std::optional<double> loss;                  ///< what the model minimises, KL not included
  std::optional<double> text_loss;             ///< weighted mean, nats a token
  std::optional<double> answer_loss;           ///< weighted mean, nats a token
  std::optional<double> value_accuracy;        ///< of the tokens to be looked up
  std::vector<double> layer_kl;                ///< nats a token; of layers with an indexer
  std::vector<at::Tensor> layer_expert_loads;  ///< [n_routed_experts] i64; undefined: no experts

  /// Sum of all losses: NaN or infinite if any of them is.
  [[nodiscard]] double total() const;
  /// Largest load of an expert over its layer's mean load; empty without experts.
  [[nodiscard]] std::optional<double> max_expert_load() const;
};

/// Adds the gradients of the step to those that the parameters hold. The parts of a step are
/// computed one after the other and share its means, so that their number changes rounding alone.
/// With `ranks`, `parts` are this rank's: means and outcome are those of all ranks together, the
/// gradients are this rank's share of the sum (DataParallel::sum_gradients adds them up).
///   dense, sparse  loss = text mean + answer_loss_scale * answer mean
///                         + balance_loss * sequence-wise balance
///   warmup, sparse indexers' KL, a mean over tokens; it reaches the indexers alone
/// Sources: docs/training.md; DeepSeek-V3.2-Exp report, 2.1.
StepOutcome add_gradients(const nn::ModelWeights& weights, const recipe::StageSettings& stage,
                          const std::vector<TrainingBatch>& parts,
                          optim::DataParallel* ranks = nullptr);

}  // namespace levin::train::run
