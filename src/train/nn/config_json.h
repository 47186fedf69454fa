// config.json of a checkpoint that the trainer writes.
#pragma once

#include <cstdint>
#include <string>

#include "model/config.h"

namespace levin::train::nn {

/// The official keys of `config` as JSON text; `torch_dtype` is "float32" or "bfloat16".
/// parse_config reads the same fields back, but for two: quantization_config is left out, as the
/// trainer writes no FP8, and num_nextn_predict_layers is 0, as it writes no MTP layers.
std::string config_json(const model::Config& config, const std::string& torch_dtype);

/// The sparse model of a dense one: DeepseekV32ForCausalLM with an indexer in every layer.
/// Throws Error(kUnsupported) for a family without sparse form (V2) or without query compression,
/// Error(kInvalidArgument) for an indexer that the engine would refuse.
model::Config with_indexer(const model::Config& dense, int64_t index_n_heads,
                           int64_t index_head_dim, int64_t index_topk);

}  // namespace levin::train::nn
