// The arithmetic of dense and sparse attention, block by block, outside autograd.
#pragma once

#include <ATen/core/Tensor.h>

#include "train/nn/documents.h"
#include "train/nn/selection.h"

namespace levin::train::nn {

/// What one attention works on; `selection` null means all tokens up to the query.
struct AttentionProblem {
  at::Tensor q;  ///< [tokens, heads, qk_head_dim] f32 or f64, last stride 1
  at::Tensor k;  ///< [tokens, heads, qk_head_dim]
  at::Tensor v;  ///< [tokens, heads, v_head_dim]
  const Documents* documents = nullptr;
  const Selection* selection = nullptr;
  double softmax_scale = 1;
};

struct AttentionResult {
  at::Tensor output;       ///< [tokens, heads, v_head_dim]
  at::Tensor log_sum_exp;  ///< [tokens, heads, 1] of the scaled scores
};

struct AttentionGradients {
  at::Tensor q;  ///< shaped as their inputs, contiguous
  at::Tensor k;
  at::Tensor v;
};

AttentionResult attention_forward(const AttentionProblem& problem);

/// Gradients for `output_gradient` [tokens, heads, v_head_dim]; the probabilities are computed
/// again from `result`, which attention_forward returned.
AttentionGradients attention_backward(const AttentionProblem& problem,
                                      const AttentionResult& result,
                                      const at::Tensor& output_gradient);

/// exp(scores - row maximum) in place for scores [..., columns]; returns the rows'
/// log(sum(exp(scores))) and their sums after the subtraction, both [..., 1].
struct ExpRows {
  at::Tensor log_sum_exp;
  at::Tensor sum;
};
ExpRows exp_rows(const at::Tensor& scores);

}  // namespace levin::train::nn
