// Softmax attention on a selection of tokens, differentiable, without a [tokens, tokens] matrix.
#pragma once

#include <ATen/core/Tensor.h>

#include "train/nn/documents.h"
#include "train/nn/selection.h"

namespace levin::train::nn {

/// As dense_attention, with s restricted to the selection: o[t,h] = sum_{s in S_t} softmax(...)
/// v[s,h].
///   q, k    [tokens, heads, qk_head_dim] f32 (or all f64), any strides
///   v       [tokens, heads, v_head_dim], same dtype
///   returns [tokens, heads, v_head_dim], contiguous
/// The selection has no gradient. Every row must hold at least one position. With topk >= every
/// document's length the result equals dense_attention's up to rounding. Memory, determinism and
/// errors as in dense_attention; the positions are trusted. Source: DeepSeek-V3.2-Exp report, eq.
/// (2); docs/model.md 1.8.
at::Tensor sparse_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const Selection& selection, const Documents& documents,
                            double softmax_scale);

}  // namespace levin::train::nn
