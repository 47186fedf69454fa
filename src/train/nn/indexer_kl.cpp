#include "train/nn/indexer_kl.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

#include "train/nn/attention_blocks.h"
#include "train/nn/block_keys.h"
#include "train/nn/gemm.h"
#include "train/nn/index_scores.h"
#include "train/nn/operator_checks.h"
#include "train/nn/query_blocks.h"
#include "train/nn/scratch.h"

namespace levin::train::nn {
namespace {

struct KlProblem {
  IndexOperands index;
  at::Tensor q;  // [tokens, heads, qk_head_dim]
  at::Tensor k;
  const Documents* documents;
  const Selection* selection;
  double softmax_scale;
};

// p [documents, 1, queries, columns]: the heads' mean probability, which sums to 1.
at::Tensor target(const KlProblem& problem, const QueryBlock& block, const BlockKeys& keys,
                  const Scratch& scratch) {
  const int64_t heads = problem.q.size(1);
  const at::Tensor scores = scratch.take({block.documents, heads, block.queries, keys.columns()});
  gemm(block_queries(problem.q, block), keys.rows(problem.k).transpose(2, 3), scores,
       problem.softmax_scale, 0);
  keys.mask(scores);
  const at::Tensor sum = exp_rows(scores).sum;
  return scores.mul_(sum.mul_(static_cast<double>(heads)).reciprocal_()).sum(1, true);
}

struct IndexGradients {
  at::Tensor q;
  at::Tensor k;
  at::Tensor weights;
};

// dI[t,s] = softmax(I)_s - p_s, carried back through I = sum_h w_h relu(q_h·k). `matches` is
// consumed.
void add_gradients(const KlProblem& problem, const QueryBlock& block, const BlockKeys& keys,
                   const at::Tensor& score_gradient, const at::Tensor& matches,
                   const IndexGradients& gradients) {
  const at::Tensor queries = block_index_queries(problem.index.q, block);
  const at::Tensor weights =
      block_index_weights(problem.index.weights, block).view({block.documents, 1, -1, 1});
  at::Tensor open_gradient = matches;
  at::threshold_backward_out(open_gradient, score_gradient.squeeze(1).unsqueeze(2), matches, 0);
  const at::Tensor open = matches.view({block.documents, 1, queries.size(2), keys.columns()});
  // sum_s dI[s] 1[q_h·k_s > 0] k_s: times w_h the gradient of q_h, times q_h that of w_h.
  const at::Tensor pulled = at::empty_like(queries);
  gemm(open, keys.rows(problem.index.k.unsqueeze(1)), pulled, 1, 0);
  block_index_rows(gradients.weights.unsqueeze(2), block)
      .copy_((queries * pulled).sum(-1).view({block.documents, block.queries, -1, 1}));
  block_index_rows(gradients.q, block)
      .copy_((pulled * weights).view({block.documents, block.queries, -1, queries.size(3)}));
  const at::Tensor key_gradient = gradients.k.unsqueeze(1);
  const at::Tensor key_sum = keys.accumulator(key_gradient);
  gemm(open.transpose(2, 3), queries * weights, key_sum, 1, 1);
  keys.add_rows(key_sum, key_gradient);
}

// The block's loss; its gradients are added where `gradients` is not null.
double block_kl(const KlProblem& problem, const QueryBlock& block, const Scratch& scratch,
                const Scratch& index_scratch, const IndexGradients* gradients) {
  const BlockKeys keys(block, problem.selection, problem.q.options());
  const at::Tensor p = target(problem, block, keys, scratch);
  const at::Tensor matches =
      index_scratch.take({block.documents, block.queries, problem.index.heads(), keys.columns()});
  const at::Tensor scores = index_scores(
      block_index_queries(problem.index.q, block), keys.rows(problem.index.k.unsqueeze(1)),
      block_index_weights(problem.index.weights, block), matches);
  // Before the mask, since p is 0 there and 0 * -inf is not.
  double loss = at::xlogy(p, p).sub_(p * scores).sum(at::kDouble).item<double>();
  keys.mask(scores);
  const ExpRows rows = exp_rows(scores);
  loss += rows.log_sum_exp.sum(at::kDouble).item<double>();
  if (gradients != nullptr) {
    add_gradients(problem, block, keys, scores.div_(rows.sum).sub_(p), matches, *gradients);
  }
  return loss;
}

double kl(const KlProblem& problem, const IndexGradients* gradients) {
  const int64_t heads = problem.q.size(1);
  const int64_t index_heads = problem.index.heads();
  const std::vector<QueryBlock> blocks =
      plan_query_blocks(*problem.documents, std::max(heads, index_heads), problem.q.element_size());
  const Scratch scratch(largest_block(blocks, heads), problem.q.options());
  const Scratch index_scratch(largest_block(blocks, index_heads), problem.q.options());
  double loss = 0;
  for (const QueryBlock& block : blocks) {
    loss += block_kl(problem, block, scratch, index_scratch, gradients);
  }
  return loss;
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct IndexerKlFunction : public torch::autograd::Function<IndexerKlFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& index_q,
                            const at::Tensor& index_k, const at::Tensor& index_weights,
                            const KlProblem& problem) {
    const IndexGradients gradients{at::empty_like(index_q), at::zeros_like(index_k),
                                   at::empty_like(index_weights)};
    const double loss = kl(problem, &gradients);
    context->save_for_backward({gradients.q, gradients.k, gradients.weights});
    return at::full({}, loss, index_q.options().requires_grad(false));
  }

  static variable_list backward(AutogradContext* context, const variable_list& upstream) {
    const variable_list saved = context->get_saved_variables();
    return {saved[0] * upstream[0], saved[1] * upstream[0], saved[2] * upstream[0], at::Tensor()};
  }
};

}  // namespace

at::Tensor indexer_kl(const at::Tensor& index_q, const at::Tensor& index_k,
                      const at::Tensor& index_weights, const at::Tensor& q, const at::Tensor& k,
                      const Documents& documents, double softmax_scale,
                      const Selection* selection) {
  const char* op = "indexer_kl";
  const int64_t tokens = q.size(0);
  check_arguments(op, {{"q", q, {-1, -1, -1}},
                       {"k", k, {tokens, q.size(1), q.size(2)}},
                       {"index_q", index_q, {tokens, -1, -1}},
                       {"index_k", index_k, {tokens, index_q.size(-1)}},
                       {"index_weights", index_weights, {tokens, index_q.size(1)}}});
  check_documents(documents, tokens, op);
  if (selection != nullptr) check_selection(op, *selection, tokens);
  const at::Tensor inputs[3] = {index_q.contiguous(), index_k.contiguous(),
                                index_weights.contiguous()};
  const KlProblem problem{{inputs[0].detach(), inputs[1].detach(), inputs[2].detach()},
                          blas_rows(q.detach()),
                          blas_rows(k.detach()),
                          &documents,
                          selection,
                          softmax_scale};
  const bool is_training =
      at::GradMode::is_enabled() &&
      (index_q.requires_grad() || index_k.requires_grad() || index_weights.requires_grad());
  if (!is_training) return at::full({}, kl(problem, nullptr), problem.q.options());
  return IndexerKlFunction::apply(inputs[0], inputs[1], inputs[2], problem);
}

}  // namespace levin::train::nn
