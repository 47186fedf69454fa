// Bounds that the attention kernels rely on.
#pragma once

#include <cstdint>

namespace levin::kernels {

/// Throws Error(kUnsupported) if a tile of such keys and values exceeds the kernels' scratch
/// memory.
void check_tile_dims(int64_t qk_dim, int64_t v_dim);

}  // namespace levin::kernels
