// Names in a checkpoint that need special care. Private to the files that read and write one.
#pragma once

#include <string>

namespace levin::train::nn {

inline constexpr const char* kEmbeddingName = "model.embed_tokens.weight";
inline constexpr const char* kHeadName = "lm_head.weight";

/// Block scales of the FP8 weight "X.weight": "X.weight_scale_inv".
inline std::string block_scale_name(const std::string& weight_name) {
  return weight_name + "_scale_inv";
}

}  // namespace levin::train::nn
