// Dense and sparse attention as one node of the autograd graph.
#pragma once

#include "train/nn/attention_blocks.h"

namespace levin::train::nn {

/// problem -> output [tokens, heads, v_head_dim], with gradients for q, k and v. Checks the shapes;
/// `op` names the operator in errors.
at::Tensor differentiable_attention(const char* op, const AttentionProblem& problem);

}  // namespace levin::train::nn
