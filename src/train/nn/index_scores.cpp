#include "train/nn/index_scores.h"

#include <ATen/ATen.h>

#include "train/nn/gemm.h"

namespace levin::train::nn {
at::Tensor block_index_rows(const at::Tensor& x, const QueryBlock& block) {
  return x.narrow(0, block.first_token, block.documents * block.document_tokens)
      .view({block.documents, block.document_tokens, x.size(1), x.size(2)})
      .narrow(1, block.query_begin, block.queries);
}

at::Tensor block_index_queries(const at::Tensor& index_q, const QueryBlock& block) {
  return block_index_rows(index_q, block)
      .reshape({block.documents, 1, block.queries * index_q.size(1), index_q.size(2)});
}

at::Tensor block_index_weights(const at::Tensor& weights, const QueryBlock& block) {
  return block_index_rows(weights.unsqueeze(2), block).squeeze(3).contiguous();
}

at::Tensor index_scores(const at::Tensor& queries, const at::Tensor& keys,
                        const at::Tensor& weights, const at::Tensor& matches) {
  const int64_t documents = matches.size(0);
  const int64_t queries_count = matches.size(1);
  const int64_t heads = matches.size(2);
  const int64_t columns = matches.size(3);
  gemm(queries, keys.transpose(2, 3), matches.view({documents, 1, queries_count * heads, columns}),
       1, 0);
  matches.clamp_min_(0);
  at::Tensor scores = at::zeros({documents, queries_count, columns}, matches.options());
  for (int64_t head = 0; head < heads; ++head) {
    scores.addcmul_(matches.select(2, head), weights.narrow(2, head, 1));
  }
  return scores.unsqueeze(1);
}

}  // namespace levin::train::nn
