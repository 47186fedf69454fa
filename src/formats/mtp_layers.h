// Which layers of a checkpoint predict further tokens (MTP): the engine and the trainer leave them
// alone, inspect counts them apart.
#pragma once

#include <cstdint>
#include <string_view>

#include "formats/checkpoint_files.h"

namespace levin::formats {

/// Layer of "model.layers.N.rest", or -1.
[[nodiscard]] int64_t layer_of(std::string_view tensor_name);

/// As config.json has them.
struct LayerCounts {
  int64_t num_hidden_layers = 0;
  int64_t num_nextn_predict_layers = 0;
};

/// Whether a layer behind the last predicts further tokens: config.json counts it among those, or
/// `tensors` have for it the projection that only such layers have. Source: docs/checkpoint.md.
[[nodiscard]] bool is_mtp_layer(int64_t layer_idx, const LayerCounts& counts,
                                const CheckpointMap& tensors);

}  // namespace levin::formats
