// Causal softmax attention over packed documents, differentiable, without a [tokens, tokens]
// matrix.
#pragma once

#include <ATen/core/Tensor.h>

#include "train/nn/documents.h"

namespace levin::train::nn {

/// o[t,h] = sum_s softmax_s(softmax_scale * q[t,h]·k[s,h]) v[s,h], s over the tokens of t's
/// document that are not after t.
///   q, k    [tokens, heads, qk_head_dim] f32 (or all f64), any strides
///   v       [tokens, heads, v_head_dim], same dtype
///   returns [tokens, heads, v_head_dim], contiguous
/// Works over blocks of queries and computes the probabilities again in the backward pass: kept
/// from forward to backward are q, k, v, the output and one number per (token, head); the working
/// memory of a call is bounded by block_memory_bytes() (query_blocks.h) and does not grow with the
/// document. Same bits in every run with the same number of threads. Throws Error(kInvalidArgument)
/// on a shape, dtype or Documents that do not fit. Source: DeepSeek-V3.2-Exp inference/model.py,
/// MLA.forward with a mask; docs/model.md 1.5.
at::Tensor dense_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const Documents& documents, double softmax_scale);

}  // namespace levin::train::nn
