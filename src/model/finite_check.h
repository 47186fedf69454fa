// Finds NaN and infinity in a forward pass before they become a token.
#pragma once

#include <cstdint>

#include "model/step.h"

namespace levin::model {

/// What has just been computed.
enum class Part {
  kEmbedding,
  kQuery,        ///< self_attn.q_proj, or q_a_proj and q_b_proj
  kLatent,       ///< self_attn.kv_a_proj_with_mqa
  kIndexKey,     ///< self_attn.indexer.wk
  kIndexQuery,   ///< self_attn.indexer.wq_b
  kIndexWeight,  ///< self_attn.indexer.weights_proj
  kAttention,    ///< residual stream after self_attn.kv_b_proj and o_proj
  kRouter,       ///< mlp.gate
  kFeedForward,  ///< residual stream after mlp
  kHead,         ///< logits
};

/// Throws Error(kInvalidFile) if a number of `x` [rows, any] f32 is not finite. Only then are the
/// part's weights searched: the error names the tensor with row and column of the first bad weight,
/// or, where the weights are finite, layer and part whose numbers grew beyond float32. (Norms,
/// biases and scales are checked at load.) `layer_idx` is ignored for kEmbedding and kHead.
///
/// Attention, top-k and the router may swallow a NaN, so that their inputs are checked too. A pass
/// over numbers that a product of hundreds of inputs each has just written: under 1 % of a step.
void check_finite(const ModelContext& model, TensorView<const float, 2> x, int64_t layer_idx,
                  Part part);

}  // namespace levin::model
