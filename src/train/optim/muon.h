// Muon: momentum whose update is made orthogonal, for hidden matrices.
#pragma once

#include <cstdint>
#include <vector>

#include "train/optim/parameter.h"

namespace levin::train::optim {

/// Elements of the matrices that share products, if it is more than one; bounds the memory that a
/// step takes for a while: so many copies of them.
inline constexpr int64_t kMuonGroupElements = int64_t{1} << 22;
inline constexpr int64_t kMuonGroupCopies = 6;

struct MuonOptions {
  double lr = 0.02;
  double momentum = 0.95;
  double weight_decay = 0.01;
};

/// Five Newton-Schulz steps X <- 3.4445 X + (-4.7750 A + 2.0315 A^2) X with A = X X^T, from X = G /
/// |G|: the singular values of every matrix come near 1.
///   matrices [batch, rows, columns]; returns the same shape
at::Tensor orthogonalize(const at::Tensor& matrices);

/// b <- momentum b + g;  p <- (1 - lr wd) p - lr sqrt(max(1, rows / columns)) orthogonalize(g +
/// momentum b), the Nesterov form. Every matrix is on its own, experts too; those of one shape
/// share their products. Source: Keller Jordan, "Muon: an optimizer for hidden layers in neural
/// networks" (2024).
class Muon {
 public:
  /// Every parameter must be a matrix [rows, columns]. Throws Error(kInvalidArgument) naming it.
  Muon(std::vector<Parameter> parameters, const MuonOptions& options);

  /// One update with lr times `lr_factor`. A parameter without a gradient is left alone, its state
  /// too.
  void step(double lr_factor);

  /// "<name>.momentum" in the parameter's shape. Shares the tensors.
  void save(State& state) const;
  /// Throws as find_state().
  void load(const State& state);

  [[nodiscard]] const std::vector<Parameter>& parameters() const { return parameters_; }
  [[nodiscard]] MuonOptions& options() { return options_; }

 private:
  void step_alike(const std::vector<size_t>& members, double lr);

  std::vector<Parameter> parameters_;
  std::vector<at::Tensor> momentum_;        // of each parameter
  std::vector<std::vector<size_t>> alike_;  // parameters of one shape, a bounded number together
  MuonOptions options_;
};

}  // namespace levin::train::optim
