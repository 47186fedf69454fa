// Multi-head latent attention of one layer, dense and sparse.
#pragma once

#include "model/step.h"

namespace levin::model {

/// Writes the tokens' cache rows, runs the indexer where the model has one, attends, projects.
///   x    [tokens, hidden_size] f32, normed by input_layernorm
///   out  [tokens, hidden_size] f32, written
/// Source: model.md 1.3 to 1.9; DeepSeek-V3.2-Exp inference/model.py, MLA.forward.
void run_attention(const ModelContext& model, const AttentionWeights& weights, int64_t layer_idx,
                   TensorView<const float, 2> x, Step& step, TensorView<float, 2> out);

}  // namespace levin::model
