#include "train/nn/attention_blocks.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "train/nn/block_keys.h"
#include "train/nn/gemm.h"
#include "train/nn/query_blocks.h"
#include "train/nn/scratch.h"

namespace levin::train::nn {
namespace {

std::vector<QueryBlock> plan(const AttentionProblem& problem) {
  return plan_query_blocks(*problem.documents, problem.q.size(1), problem.q.element_size());
}

// scores = scale * q kT, -inf where a query may not look
at::Tensor masked_scores(const AttentionProblem& problem, const QueryBlock& block,
                         const BlockKeys& keys, const at::Tensor& key_rows,
                         const Scratch& scratch) {
  at::Tensor scores =
      scratch.take({block.documents, problem.q.size(1), block.queries, keys.columns()});
  gemm(block_queries(problem.q, block), key_rows.transpose(2, 3), scores, problem.softmax_scale, 0);
  keys.mask(scores);
  return scores;
}

}  // namespace

ExpRows exp_rows(const at::Tensor& scores) {
  const at::Tensor largest = at::amax(scores, -1, true);
  scores.sub_(largest).exp_();
  at::Tensor sum = scores.sum(-1, true);
  return {at::log(sum).add_(largest), sum};
}

AttentionResult attention_forward(const AttentionProblem& problem) {
  const at::TensorOptions options = problem.q.options();
  const int64_t tokens = problem.q.size(0);
  const int64_t heads = problem.q.size(1);
  const std::vector<QueryBlock> blocks = plan(problem);
  const Scratch scratch(largest_block(blocks, heads), options);
  AttentionResult result{at::empty({tokens, heads, problem.v.size(2)}, options),
                         at::empty({tokens, heads, 1}, options)};
  for (const QueryBlock& block : blocks) {
    const BlockKeys keys(block, problem.selection, options);
    const at::Tensor scores = masked_scores(problem, block, keys, keys.rows(problem.k), scratch);
    const ExpRows rows = exp_rows(scores);
    const at::Tensor output = block_queries(result.output, block);
    gemm(scores, keys.rows(problem.v), output, 1, 0);
    output.div_(rows.sum);
    block_queries(result.log_sum_exp, block).copy_(rows.log_sum_exp);
  }
  return result;
}

AttentionGradients attention_backward(const AttentionProblem& problem,
                                      const AttentionResult& result,
                                      const at::Tensor& output_gradient) {
  const at::TensorOptions options = problem.q.options();
  const int64_t heads = problem.q.size(1);
  const std::vector<QueryBlock> blocks = plan(problem);
  const int64_t largest = largest_block(blocks, heads);
  const Scratch probability_scratch(largest, options);
  const Scratch gradient_scratch(largest, options);
  // sum_s p[s] dp[s] = dO · O, so that the softmax's gradient needs no pass of its own.
  const at::Tensor weighted = (output_gradient * result.output).sum(-1, true);
  AttentionGradients gradients{at::empty(problem.q.sizes(), options),
                               at::zeros(problem.k.sizes(), options),
                               at::zeros(problem.v.sizes(), options)};
  for (const QueryBlock& block : blocks) {
    const BlockKeys keys(block, problem.selection, options);
    const at::Tensor key_rows = keys.rows(problem.k);
    const at::Tensor upstream = block_queries(output_gradient, block);
    const at::Tensor probabilities =
        masked_scores(problem, block, keys, key_rows, probability_scratch);
    probabilities.sub_(block_queries(result.log_sum_exp, block)).exp_();
    const at::Tensor value_sum = keys.accumulator(gradients.v);
    gemm(probabilities.transpose(2, 3), upstream, value_sum, 1, 1);
    keys.add_rows(value_sum, gradients.v);
    const at::Tensor score_gradient = gradient_scratch.take(probabilities.sizes());
    gemm(upstream, keys.rows(problem.v).transpose(2, 3), score_gradient, 1, 0);
    score_gradient.sub_(block_queries(weighted, block)).mul_(probabilities);
    gemm(score_gradient, key_rows, block_queries(gradients.q, block), problem.softmax_scale, 0);
    const at::Tensor key_sum = keys.accumulator(gradients.k);
    gemm(score_gradient.transpose(2, 3), block_queries(problem.q, block), key_sum,
         problem.softmax_scale, 1);
    keys.add_rows(key_sum, gradients.k);
  }
  return gradients;
}

}  // namespace levin::train::nn
