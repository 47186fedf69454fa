// The parts of config.json that parse_config reads one after the other. Private to config*.cpp.
// Every function throws Error(kInvalidFile | kUnsupported) naming key, value and expectation.
#pragma once

#include <cstdint>

#include "model/config.h"
#include "model/config_fields.h"

namespace levin::model {

// Bounds of checkpoint.md 2.8, step 1; with kMaxWidth no product of sizes overflows.
inline constexpr int64_t kMaxExtent = int64_t{1} << 20;
inline constexpr int64_t kMaxWidth = int64_t{1} << 30;
inline constexpr int64_t kMaxLayers = 1024;
inline constexpr int64_t kMaxExperts = 4096;
inline constexpr int64_t kMaxPositions = int64_t{1} << 30;

/// What a model_type implies where config.json is silent.
struct ModelFamily {
  const char* model_type;
  const char* architecture;  ///< in `architectures`
  bool is_sparse;
  bool is_v2;   ///< softmax router, greedy, not renormalised
  bool is_glm;  ///< indexer without Hadamard and FP8; experimental where sparse
};

/// rope_theta, rope_scaling, or rope_parameters.
void read_rope(ConfigFields& fields, Config& config);
/// Dense and MoE MLP, router.
void read_mlp(ConfigFields& fields, const ModelFamily& family, Config& config);
/// Index fields of sparse models, and which layers run their own indexer.
void read_indexer(ConfigFields& fields, const ModelFamily& family, Config& config);
/// quantization_config.
void read_quantization(ConfigFields& fields, Config& config);

}  // namespace levin::model
