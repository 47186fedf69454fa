// model.safetensors.index.json: which shard holds which tensor. Rules: checkpoint.md 2.6.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace levin::formats {

/// Content of model.safetensors.index.json.
struct CheckpointIndex {
  std::optional<int64_t> total_size;                           ///< may be stale: for a warning
  std::map<std::string, std::string, std::less<>> weight_map;  ///< tensor name -> file name
};

/// Throws Error(kInvalidFile) for malformed JSON, a missing weight_map, and file names that are not
/// plain names ending in ".safetensors".
CheckpointIndex parse_checkpoint_index(std::string_view text, const std::string& where);

}  // namespace levin::formats
