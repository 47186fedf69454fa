// Fast numerics layer by layer: every layer is fed with the golden hidden state, selection and
// experts. For the tests and for the table that `make goldens` prints.
#pragma once

#include <cstdint>
#include <vector>

#include "model/golden_case.h"

namespace levin::model::testing {

/// What a layer of fast numerics may depart from the model's function.
inline constexpr double kFastLayerBound = 0.02;

/// Relative distances |a - b| / |b| over all rows of a layer's output.
struct FastLayerError {
  int64_t layer_idx = 0;
  double to_exact = 0.0;         ///< fast numerics to the yardstick
  double to_golden = 0.0;        ///< fast numerics to the golden run
  double exact_to_golden = 0.0;  ///< the yardstick to the golden run

  /// Close to the yardstick, and no farther from the golden run than that or than the yardstick is.
  [[nodiscard]] bool is_within_bounds() const;
};

/// What the golden run decided.
struct GoldenDecisions {
  std::vector<std::vector<std::vector<float>>> hidden;      // [layer][token]
  std::vector<std::vector<std::vector<int32_t>>> selected;  // [layer][token]
  std::vector<std::vector<int64_t>> router_ids;             // [layer][token * per_token]
};

/// The yardstick is the model's function in float32. For BF16 checkpoints it is the golden run
/// itself. The FP8 goldens also hold the noise of activations rounded to E4M3 (decision 3 has the
/// figures), which fast numerics leave out: there the yardstick is the reference path without that
/// rounding, and fast numerics must lie no farther from the golden run than it does.
class FastLayerYardstick {
 public:
  /// `golden` outlives the yardstick.
  explicit FastLayerYardstick(const GoldenCase& golden);

  [[nodiscard]] std::vector<FastLayerError> measure(const kernels::OpTable& table) const;

 private:
  /// Hidden state after each layer, [layer][token].
  using HiddenStates = std::vector<std::vector<std::vector<float>>>;
  [[nodiscard]] HiddenStates run_forced(const kernels::OpTable& table,
                                        const ForwardOptions& options) const;

  const GoldenCase& golden_;
  GoldenDecisions decisions_;
  HiddenStates exact_;
};

}  // namespace levin::model::testing
