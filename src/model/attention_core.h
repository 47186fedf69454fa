// Which tokens each query reads and in which algebraic form, and the cores in that form.
#pragma once

#include "model/step.h"

namespace levin::model {

/// Softmax attention of every token of the step over the cache.
///   step.activations.q          [tokens, heads * qk_head_dim] f32, rotated
///   step.activations.heads_out  [tokens, heads * v_head_dim] f32, written
/// The form is a function of the query's position and of prefill or decode: decode is absorbed;
/// prefill is expanded where everything is read and absorbed where a selection is. Reference
/// numerics follow the official code: all prefill is expanded, under a mask where sparse.
void attend(const ModelContext& model, const AttentionWeights& weights, int64_t layer_idx,
            Step& step);

}  // namespace levin::model
