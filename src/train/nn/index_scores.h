// The lightning indexer's scores of one block of queries.
#pragma once

#include <ATen/core/Tensor.h>

#include "train/nn/block_keys.h"
#include "train/nn/query_blocks.h"

namespace levin::train::nn {

/// The indexer's inputs, last strides 1.
struct IndexOperands {
  at::Tensor q;        ///< [tokens, index_n_heads, index_head_dim] f32 or f64, contiguous
  at::Tensor k;        ///< [tokens, index_head_dim]
  at::Tensor weights;  ///< [tokens, index_n_heads], contiguous

  [[nodiscard]] int64_t heads() const { return q.size(1); }
};

/// [tokens, a, b] -> [documents, queries, a, b], a view of the block's rows.
at::Tensor block_index_rows(const at::Tensor& x, const QueryBlock& block);

/// The indexer's queries of a block, heads beside each other, since they share one key:
/// [documents, 1, queries * index_n_heads, index_head_dim], contiguous.
at::Tensor block_index_queries(const at::Tensor& index_q, const QueryBlock& block);

/// [documents, queries, index_n_heads] of `weights`, contiguous.
at::Tensor block_index_weights(const at::Tensor& weights, const QueryBlock& block);

/// matches = relu(q·k) [documents, queries, index_n_heads, columns], written into the given tensor,
/// and the scores sum_h weights[h] * matches[h], [documents, 1, queries, columns], not yet masked.
///   queries  of block_index_queries
///   keys     [documents, 1, columns, index_head_dim]
at::Tensor index_scores(const at::Tensor& queries, const at::Tensor& keys,
                        const at::Tensor& weights, const at::Tensor& matches);

}  // namespace levin::train::nn
