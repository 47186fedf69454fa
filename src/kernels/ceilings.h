// What this machine can do at best: the yardstick beside every measured speed.
#pragma once

#include <cstdint>

#include "kernels/context.h"

namespace levin::kernels {

/// Bytes per second (times 1e-9) at which all threads of the context sum `bytes` of memory with its
/// table: the best of `repeats` passes. A size far beyond the caches keeps their share small;
/// memory shared with other machines changes its speed from minute to minute, so measure beside the
/// work. Throws Error(kOutOfMemory) without that memory.
[[nodiscard]] double measure_read_gb_per_s(Context& ctx, int64_t bytes = int64_t{1} << 30,
                                           int repeats = 10);

/// Rate at which all threads multiply registers with matmul's bf16 instruction: the best of
/// `repeats` passes of 5 ms.
[[nodiscard]] double measure_bf16_gflop_per_s(Context& ctx, int repeats = 25);

}  // namespace levin::kernels
