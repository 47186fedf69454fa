#include "train/nn/query_blocks.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace levin::train::nn {
namespace {

// Measured on AVX-512: sgemm against 64 features reaches its speed at 128 rows; more rows only
// widen the wasted triangle above the diagonal.
constexpr int64_t kMostQueries = 128;

}  // namespace

std::vector<QueryBlock> plan_query_blocks(const Documents& documents, int64_t query_heads,
                                          int64_t element_bytes) {
  const int64_t most_scores = kBlockMemoryBytes / (element_bytes * query_heads);
  std::vector<QueryBlock> blocks;
  for (int64_t document_idx = 0; document_idx < documents.count();) {
    const int64_t length = documents.end(document_idx) - documents.begin(document_idx);
    // A document of several blocks stands alone: its last blocks are as large as a block may be.
    const int64_t most_documents =
        length > kMostQueries ? 1 : std::max<int64_t>(1, most_scores / (length * length));
    int64_t together = 1;
    while (together < most_documents && document_idx + together < documents.count() &&
           documents.end(document_idx + together) - documents.begin(document_idx + together) ==
               length) {
      ++together;
    }
    for (int64_t begin = 0; begin < length;) {
      int64_t queries = std::min(kMostQueries, length - begin);
      while (queries > 1 && queries * (begin + queries) * together > most_scores) {
        queries = (queries + 1) / 2;
      }
      blocks.push_back({documents.begin(document_idx), together, length, begin, queries});
      begin += queries;
    }
    document_idx += together;
  }
  return blocks;
}

int64_t largest_block(const std::vector<QueryBlock>& blocks, int64_t query_heads) {
  int64_t largest = 0;
  for (const QueryBlock& block : blocks) {
    largest = std::max(largest, block.documents * query_heads * block.queries * block.kv_tokens());
  }
  return largest;
}

namespace {

// [tokens, heads, dim] -> [documents, heads, tokens of each, dim]
at::Tensor by_document(const at::Tensor& x, const QueryBlock& block, int64_t begin,
                       int64_t tokens) {
  return x.narrow(0, block.first_token, block.documents * block.document_tokens)
      .view({block.documents, block.document_tokens, x.size(1), x.size(2)})
      .narrow(1, begin, tokens)
      .transpose(1, 2);
}

}  // namespace

at::Tensor block_queries(const at::Tensor& x, const QueryBlock& block) {
  return by_document(x, block, block.query_begin, block.queries);
}

at::Tensor block_keys(const at::Tensor& x, const QueryBlock& block) {
  return by_document(x, block, 0, block.kv_tokens());
}

at::Tensor blas_rows(const at::Tensor& x) {
  const bool is_unit = x.stride(-1) == 1 || x.size(-1) == 1;
  return is_unit && x.stride(0) >= x.size(-1) ? x : x.contiguous();
}

}  // namespace levin::train::nn
