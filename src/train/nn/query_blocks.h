// The blocks of queries that the attention operators work through, and views of tensors for a
// block.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "train/nn/documents.h"

namespace levin::train::nn {

/// Queries [query_begin, query_begin + queries) of `documents` neighbouring documents, all of
/// `document_tokens` tokens, the first of which begins at `first_token` of the pack. A long
/// document is cut into many blocks; many short documents of one length share a block, so that no
/// operator is called for every one of them.
struct QueryBlock {
  int64_t first_token = 0;
  int64_t documents = 1;
  int64_t document_tokens = 0;
  int64_t query_begin = 0;
  int64_t queries = 0;

  /// What the block's queries may see of each document: nothing lies after the last query.
  [[nodiscard]] int64_t kv_tokens() const { return query_begin + queries; }
};

/// Upper bound of one matrix of scores, unless a single query's scores pass it.
constexpr int64_t kBlockMemoryBytes = int64_t{64} << 20;

/// Blocks that cover every query once, in order. A query's scores take `query_heads` numbers of
/// `element_bytes` for each token that it sees.
std::vector<QueryBlock> plan_query_blocks(const Documents& documents, int64_t query_heads,
                                          int64_t element_bytes);

/// Most score elements (documents * query_heads * queries * kv_tokens) of any of the blocks.
int64_t largest_block(const std::vector<QueryBlock>& blocks, int64_t query_heads);

/// The block's queries of `x`: [tokens, heads, dim] -> [documents, heads, queries, dim], a view.
at::Tensor block_queries(const at::Tensor& x, const QueryBlock& block);

/// What the block's queries see of `x`: [tokens, heads, dim] -> [documents, heads, kv_tokens, dim],
/// a view.
at::Tensor block_keys(const at::Tensor& x, const QueryBlock& block);

/// `x` [tokens, ...] itself if BLAS can read its rows: the last dimension contiguous, the tokens
/// apart (a gradient may be one expanded row). Else a contiguous copy.
at::Tensor blas_rows(const at::Tensor& x);

}  // namespace levin::train::nn
