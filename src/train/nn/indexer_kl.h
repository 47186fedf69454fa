// The indexer's loss: how far its scores are from where the attention goes.
#pragma once

#include <ATen/core/Tensor.h>

#include "train/nn/documents.h"
#include "train/nn/selection.h"

namespace levin::train::nn {

/// Sum over the query tokens t of KL(p[t,:] || softmax_s I[t,:]), a scalar. Divide by the number of
/// tokens for a mean.
///   I[t,s] = sum_h index_weights[t,h] * relu(index_q[t,h]·index_k[s])
///   p[t,s] = sum over the attention's heads of softmax_s(softmax_scale * q[t,h]·k[s,h]), then
///   L1-normalised
/// both over the tokens s of t's document that are not after t, or over S_t if `selection` is not
/// null.
///   index_q        [tokens, index_n_heads, index_head_dim] f32 (or everything f64)
///   index_k        [tokens, index_head_dim]
///   index_weights  [tokens, index_n_heads], with the factors index_n_heads^-0.5 and
///                  index_head_dim^-0.5 already inside
///   q, k           [tokens, heads, qk_head_dim]
/// Gradients go to index_q, index_k and index_weights alone: q and k are the target and stay
/// untouched, whether they require gradients or not. The gradients are computed in the forward
/// pass, while scores and probabilities of a block are at hand, and the backward pass only scales
/// them. Memory, determinism and errors as in dense_attention. Source: DeepSeek-V3.2-Exp report,
/// eq. (3) and (4).
at::Tensor indexer_kl(const at::Tensor& index_q, const at::Tensor& index_k,
                      const at::Tensor& index_weights, const at::Tensor& q, const at::Tensor& k,
                      const Documents& documents, double softmax_scale, const Selection* selection);

}  // namespace levin::train::nn
