#include "train/nn/select_top_k.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "base/error.h"
#include "train/nn/block_keys.h"
#include "train/nn/index_scores.h"
#include "train/nn/operator_checks.h"
#include "train/nn/query_blocks.h"
#include "train/nn/scratch.h"

namespace levin::train::nn {
namespace {

// Writes the positions, from `begin` on, of the topk largest of scores[0, visible), ties to the
// lower one, in ascending order; then -1. NaN becomes -inf. `order` is working memory.
template <typename Scalar>
void select_row(Scalar* scores, int64_t visible, int64_t begin, int64_t topk,
                std::vector<Scalar>& order, int32_t* positions) {
  if (visible <= topk) {
    for (int64_t i = 0; i < topk; ++i) {
      positions[i] = i < visible ? static_cast<int32_t>(begin + i) : -1;
    }
    return;
  }
  for (int64_t i = 0; i < visible; ++i) {
    if (std::isnan(scores[i])) scores[i] = -std::numeric_limits<Scalar>::infinity();
  }
  order.assign(scores, scores + visible);
  const auto cut = order.begin() + (topk - 1);
  std::nth_element(order.begin(), cut, order.end(), std::greater<>());
  const Scalar threshold = *cut;
  // Everything before the cut is at least the threshold: what is not above it shares its value.
  int64_t ties = std::count(order.begin(), cut + 1, threshold);
  int64_t chosen = 0;
  for (int64_t i = 0; i < visible && chosen < topk; ++i) {
    if (scores[i] < threshold || (scores[i] == threshold && ties-- <= 0)) continue;
    positions[chosen++] = static_cast<int32_t>(begin + i);
  }
}

// scores [documents, 1, queries, kv_tokens], contiguous
template <typename Scalar>
void select_block(const QueryBlock& block, const at::Tensor& scores, const Selection& selection) {
  Scalar* data = scores.data_ptr<Scalar>();
  int32_t* positions = selection.positions.data_ptr<int32_t>();
  const int64_t topk = selection.topk();
  at::parallel_for(0, block.documents * block.queries, 1, [&](int64_t from, int64_t to) {
    std::vector<Scalar> order;
    for (int64_t row = from; row < to; ++row) {
      const int64_t begin = block.first_token + row / block.queries * block.document_tokens;
      const int64_t query = block.query_begin + row % block.queries;
      select_row(data + row * block.kv_tokens(), query + 1, begin, topk, order,
                 positions + (begin + query) * topk);
    }
  });
}

}  // namespace

Selection select_top_k(const at::Tensor& index_q, const at::Tensor& index_k,
                       const at::Tensor& index_weights, const Documents& documents, int64_t topk) {
  const char* op = "select_top_k";
  const at::NoGradGuard no_grad;
  check_arguments(op, {{"index_q", index_q, {-1, -1, -1}},
                       {"index_k", index_k, {index_q.size(0), index_q.size(-1)}},
                       {"index_weights", index_weights, {index_q.size(0), index_q.size(1)}}});
  check_documents(documents, index_q.size(0), op);
  if (topk < 1) {
    base::throw_error(base::ErrorCode::kInvalidArgument, op, "topk is {}, it must be at least 1",
                      topk);
  }
  const IndexOperands index{index_q.detach().contiguous(), index_k.detach().contiguous(),
                            index_weights.detach().contiguous()};
  const std::vector<QueryBlock> blocks =
      plan_query_blocks(documents, index.heads(), index.q.element_size());
  const Scratch scratch(largest_block(blocks, index.heads()), index.q.options());
  Selection selection{at::empty({index.q.size(0), topk}, index.q.options().dtype(at::kInt))};
  for (const QueryBlock& block : blocks) {
    const at::Tensor matches =
        scratch.take({block.documents, block.queries, index.heads(), block.kv_tokens()});
    const at::Tensor scores =
        index_scores(block_index_queries(index.q, block), block_keys(index.k.unsqueeze(1), block),
                     block_index_weights(index.weights, block), matches);
    AT_DISPATCH_FLOATING_TYPES(scores.scalar_type(), "select_block",
                               [&] { select_block<scalar_t>(block, scores, selection); });
  }
  return selection;
}

}  // namespace levin::train::nn
