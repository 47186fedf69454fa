// How much of the dense attention a selection keeps.
#pragma once

#include <ATen/core/Tensor.h>

#include "train/nn/documents.h"
#include "train/nn/selection.h"

namespace levin::train::nn {

/// For each chosen query row t: (1 / heads) * sum_h sum_{s in S_t} softmax_s(softmax_scale *
/// q[t,h]·k[s,h]), the softmax over all tokens of t's document that are not after t. 1 where S_t is
/// everything.
///   q, k     [tokens, heads, qk_head_dim] f32 or f64
///   rows     [n] i64, positions of the chosen queries in the pack
///   returns  [n], dtype of q
/// Records nothing for autograd. Throws Error(kInvalidArgument) on a shape or row that does not
/// fit.
at::Tensor attention_mass_kept(const at::Tensor& q, const at::Tensor& k, const Selection& selection,
                               const Documents& documents, double softmax_scale,
                               const at::Tensor& rows);

}  // namespace levin::train::nn
