// The lightning indexer's choice: the topk best tokens of every query.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "train/nn/documents.h"
#include "train/nn/selection.h"

namespace levin::train::nn {

/// S_t = the topk largest of I[t,s] = sum_h index_weights[t,h] * relu(index_q[t,h]·index_k[s]) over
/// the tokens s of t's document that are not after t; all of them where they are no more than topk.
///   index_q        [tokens, index_n_heads, index_head_dim] f32 (or all f64)
///   index_k        [tokens, index_head_dim]
///   index_weights  [tokens, index_n_heads], with the factors index_n_heads^-0.5 and
///                  index_head_dim^-0.5 already inside
/// Ties go to the lower position; positions ascend within a row. Records nothing for autograd.
/// Deterministic. A score that is NaN counts as -inf. Throws Error(kInvalidArgument) on a shape
/// that does not fit or topk < 1. Source: DeepSeek-V3.2-Exp report, eq. (1);
/// docs/model.md 1.7, 1.8.
Selection select_top_k(const at::Tensor& index_q, const at::Tensor& index_k,
                       const at::Tensor& index_weights, const Documents& documents, int64_t topk);

}  // namespace levin::train::nn
