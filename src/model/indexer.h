// The lightning indexer of one layer: writes the tokens' index keys and selects, for every token
// that sees more than index_topk positions, the ones that attention reads.
#pragma once

#include "model/step.h"

namespace levin::model {

/// Fills step.selection for this layer (a layer that shares its predecessor's keeps it).
///   x         [tokens, hidden_size] f32, the attention block's normed input
///   q_latent  [tokens, q_lora_rank] f32, the compressed query that MLA uses too
/// Source: model.md 1.7 and 1.8; DeepSeek-V3.2-Exp inference/model.py, Indexer.forward.
void run_indexer(const ModelContext& model, const IndexerWeights& weights, int64_t layer_idx,
                 TensorView<const float, 2> x, TensorView<const float, 2> q_latent, Step& step);

}  // namespace levin::model
