// Heads that start out reading the tokens just before: the first half of an induction circuit.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "train/nn/weights.h"

namespace levin::train::nn {

/// Sets heads 0 ... heads - 1 of `attention` (layer 0) to attend to the token 1, 2, ... before.
///   direction  [hidden_size], shared by all embeddings: a constant in every token's input
/// The rotary key reads the constant on its fast frequencies (above 0.04 rad a token) and nothing
/// else; row 0 of q_a_proj reads it too, and head h's rotary query is that number rotated by h + 1
/// positions. The strength gives the same mean scores at every hidden_size and qk_head_dim: those
/// measured at 128 and 64, where 0.86 of the attention lies on the wanted token (0.95 at 256, where
/// single tokens deviate less from the mean).
void set_previous_token_heads(const Config& config, const at::Tensor& direction, int64_t heads,
                              AttentionWeights& attention);

}  // namespace levin::train::nn
