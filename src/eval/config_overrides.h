// Changing the config.json that a synthetic checkpoint is made of.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace levin::eval {

/// One key that differs from the file, as JSON text ("none" where the key was not there).
struct ConfigChange {
  std::string key;
  std::string before;
  std::string after;
};

/// How the large matrices of a synthetic checkpoint are stored.
enum class SynthDType { kFp8, kBf16 };

/// Applies "key=value" (nested: "rope_scaling.factor=8"). The key must be in `config`; the value
/// must have the type of the one it replaces (null may replace an object, and be replaced by
/// anything). Throws Error(kInvalidArgument) naming the key.
void apply_override(nlohmann::json& config, const std::string& assignment,
                    std::vector<ConfigChange>& changes);

/// Makes the config say what will be written: `quantization_config` as `dtype` wants it, and no MTP
/// layers.
void describe_weights(nlohmann::json& config, SynthDType dtype, std::vector<ConfigChange>& changes);

}  // namespace levin::eval
