// The second half of a layer: a dense SwiGLU MLP, or routed experts beside shared ones.
#pragma once

#include "model/step.h"

namespace levin::model {

/// out = down(silu(gate(x)) * up(x)).   x, out [tokens, hidden_size] f32
void run_mlp(const ModelContext& model, const MlpWeights& weights, TensorView<const float, 2> x,
             Step& step, TensorView<float, 2> out);

/// out = sum over a token's experts of weight * expert(x), plus shared_experts(x), in float32 and
/// in ascending order of experts, so that a token's bits do not depend on its batch.
///   x, out [tokens, hidden_size] f32
/// Source: model.md 1.10; DeepSeek-V3.2-Exp inference/model.py, MoE.forward.
void run_moe(const ModelContext& model, const MoeWeights& weights, int64_t layer_idx,
             TensorView<const float, 2> x, Step& step, TensorView<float, 2> out);

}  // namespace levin::model
