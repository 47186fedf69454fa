// The bound of index_head_dim, shared by the op that checks it and the kernels that rely on it.
#pragma once

#include <cstdint>

namespace levin::kernels {

/// Largest index_head_dim: kernels keep one row in a local array.
inline constexpr int64_t kMaxIndexHeadDim = 512;

}  // namespace levin::kernels
