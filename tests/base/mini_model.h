// The trained model of this repository.
#pragma once

#include <string>

namespace levin::testing {

/// Its folder: context 16384, vocabulary 4096, index_topk 256.
inline std::string mini_model() { return std::string(LEVIN_SOURCE_DIR) + "/models/mini"; }

}  // namespace levin::testing
