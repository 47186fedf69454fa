// Which experts a token uses, and with which weights.
// Source: model.md 1.10; DeepSeek-V3.2-Exp inference/model.py, Gate.forward.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/config.h"

namespace levin::model {

/// Routes one token.
///   logits   [n_routed_experts] router products, f32
///   bias     [n_routed_experts] e_score_correction_bias, used for choosing only; may be empty
///   ids      [num_experts_per_tok] written, best first; ties go to the lower id
///   weights  [num_experts_per_tok] written: the unbiased scores, normalised if the config says so,
///            times routed_scaling_factor
/// `forced_ids`, if not empty, replaces the choice (tests).
void route_token(const Config& config, std::span<const float> logits, std::span<const float> bias,
                 std::span<const int32_t> forced_ids, std::span<int32_t> ids,
                 std::span<float> weights);

}  // namespace levin::model
