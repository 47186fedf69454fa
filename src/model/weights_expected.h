// The tensors of a checkpoint in order, without a list of them all. Private to src/model.
#pragma once

#include <cstdint>
#include <string>

#include "base/function_ref.h"
#include "model/weights.h"

namespace levin::model {

/// Visits the expected tensors in file order until `visit` returns false. A config may claim
/// millions of tensors, so that checks against a real folder must be able to stop early.
void visit_expected_tensors(const Config& config,
                            base::FunctionRef<bool(const ExpectedTensor&)> visit);

/// "model.layers.{layer_idx}."
std::string layer_prefix(int64_t layer_idx);

/// "model.layers.{layer_idx}.mlp.gate.e_score_correction_bias"
std::string router_bias_name(int64_t layer_idx);

/// Name of the block scales of "X.weight": "X.weight_scale_inv".
std::string scale_name(const std::string& weight_name);

}  // namespace levin::model
