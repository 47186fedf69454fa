// The attention core under reference numerics: float32, in the forms of the official code.
#pragma once

#include "kernels/attention.h"
#include "model/step.h"

namespace levin::model {

/// The dimensions that attention kernels need.
kernels::MlaDims mla_dims(const Config& config);

/// `attend` under reference numerics: prefill chunks expanded through kv_b_proj (which quantises
/// its input in FP8 models) and masked by the selection, decode chunks absorbed with the
/// dequantised kv_b_proj. Written to be compared with, not for speed: a prefill chunk expands the
/// keys and values of its whole context anew, [context, heads * (nope + v)] f32, and a decode step
/// dequantises kv_b_proj anew (activation_memory.h counts both). Source: inference/model.py,
/// MLA.forward, both branches.
void attend_reference(const ModelContext& model, const AttentionWeights& weights, int64_t layer_idx,
                      Step& step);

}  // namespace levin::model
