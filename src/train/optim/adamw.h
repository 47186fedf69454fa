// AdamW: Adam with decoupled weight decay.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/optim/parameter.h"

namespace levin::train::optim {

struct AdamWOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.0;
};

/// p <- (1 - lr wd) p - lr m^ / (sqrt(v^) + eps), m^ and v^ the bias-corrected running means of the
/// gradient and its square. Why not torch::optim::AdamW: its state is keyed by addresses and
/// written by its own archive; ours is named tensors. Source: Loshchilov and Hutter, arXiv
/// 1711.05101, algorithm 2.
class AdamW {
 public:
  AdamW(std::vector<Parameter> parameters, const AdamWOptions& options);

  /// One update with lr times `lr_factor`. A parameter without a gradient is left alone, its state
  /// too.
  void step(double lr_factor);

  /// "<name>.exp_avg", "<name>.exp_avg_sq" in the parameter's shape and "<name>.steps" [1] i64.
  /// Shares the tensors.
  void save(State& state) const;
  /// Throws as find_state().
  void load(const State& state);

  [[nodiscard]] const std::vector<Parameter>& parameters() const { return parameters_; }
  [[nodiscard]] AdamWOptions& options() { return options_; }

 private:
  struct Moments {
    at::Tensor exp_avg;
    at::Tensor exp_avg_sq;
    int64_t steps = 0;
  };

  std::vector<Parameter> parameters_;
  std::vector<Moments> moments_;  // of each parameter
  AdamWOptions options_;
};

}  // namespace levin::train::optim
