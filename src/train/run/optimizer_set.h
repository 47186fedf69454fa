// The optimizers of a stage: which parameter is moved by which rule.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/nn/weights.h"
#include "train/optim/adamw.h"
#include "train/optim/data_parallel.h"
#include "train/optim/muon.h"
#include "train/recipe/recipe.h"

namespace levin::train::run {

/// Hidden matrices (experts one by one) by Muon or AdamW with weight decay; embedding, head, norms
/// and router by AdamW; the indexer by an AdamW of its own. Only parameters that require gradients
/// take part.
class OptimizerSet {
 public:
  /// Shares the tensors of `weights`.
  OptimizerSet(const nn::ModelWeights& weights, const recipe::StageSettings& stage);

  /// Whether `stage` can go on with this state: it trains the same parameters by the same rules.
  [[nodiscard]] bool fits(const recipe::StageSettings& stage) const;

  /// Every gradient becomes its sum over the ranks; null: there is one rank. A trained parameter
  /// that the step did not reach (an expert without tokens) has zeros then, however many ranks.
  void gather_gradients(optim::DataParallel* ranks) const;

  /// Norm of all gradients together, NaN or infinite if a gradient is. Those of the model and those
  /// of the indexer are scaled to `max_norm` each, if that is above 0 and exceeded: the two losses
  /// of sparse training do not change each other's updates.
  double clip(double max_norm) const;

  /// Name of the first trained parameter whose gradient holds a NaN or an infinity.
  [[nodiscard]] std::optional<std::string> first_non_finite_gradient() const;

  /// One update with the rates of `stage` times its schedule's factor at `stage_step` (from 0);
  /// then the gradients are gone. Returns the factor.
  double step(const recipe::StageSettings& stage, int64_t stage_step);

  /// Writes the state as a safetensors file. Throws Error(kIo).
  void save(const std::string& path) const;
  /// Throws Error(kNotFound | kIo | kInvalidFile) naming the file and the tensor.
  void load(const std::string& path);

 private:
  recipe::StageKind kind_;
  recipe::OptimizerKind optimizer_;
  std::vector<optim::Parameter> parameters_;
  std::optional<optim::Muon> muon_;           ///< hidden matrices, or
  std::optional<optim::AdamW> hidden_adamw_;  ///< the same
  optim::AdamW rest_;
  optim::AdamW indexer_;
};

}  // namespace levin::train::run
