// What a selection leaves of dense attention: an observer beside the forward pass, for evaluation.
#pragma once

#include "model/step.h"

namespace levin::model {

/// For the tokens of the step whose position is a multiple of trace.mass_stride: the share of the
/// attention mass that lies on the positions which the token reads, if it could read all,
///   mean over heads of  sum_{s read} a[h, s],   a[h, :] = softmax of dense attention at this
///   query,
/// in layer_trace.mass_kept, 0 to 1; exactly 1 where everything is read. The queries are those of
/// the pass that is observed: layers below have read their selection.
/// In float32 with sums in double, over the cache as it is; queries and cache rows of the step must
/// be written. Work: heads * position * (kv_lora_rank + qk_rope_head_dim) a token.
///   step.activations.q  [tokens, heads * qk_head_dim] f32, rotated
void observe_mass(const ModelContext& model, const AttentionWeights& weights, int64_t layer_idx,
                  Step& step);

}  // namespace levin::model
