// Small models and packs for tests of the whole trainer model.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/config.h"
#include "train/nn/forward.h"
#include "train/nn/weights.h"

namespace levin::train::nn::testing {

/// Three layers, the first dense; 8 experts in 2 groups, 2 a token, one shared; MLA with
/// compressed queries, 4 heads.
model::Config tiny_dense_config();

/// The same with indexers that select `topk` tokens.
model::Config tiny_sparse_config(int64_t topk);

/// Random weights, large enough for every part to matter; no tie.
ModelWeights random_model(const model::Config& config, at::ScalarType dtype);

/// Documents of random tokens, the same for the same seed and length.
PackedBatch random_pack(const model::Config& config, const std::vector<int64_t>& lengths,
                        uint64_t seed);

/// Document `document_idx` of the pack alone.
PackedBatch document_of(const PackedBatch& pack, int64_t document_idx);

/// Sum over all positions of -log probability of the next token; the last token of a document
/// predicts its first.
at::Tensor next_token_loss(const ModelWeights& weights, const PackedBatch& pack,
                           const ForwardResult& result);

}  // namespace levin::train::nn::testing
