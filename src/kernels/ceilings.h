// What this machine can do at best: the yardstick beside every measured speed.
#pragma once

#include "kernels/context.h"

namespace levin::kernels {

struct Ceilings {
  double read_gb_per_s = 0.0;     ///< all threads summing memory far larger than the caches
  double bf16_gflop_per_s = 0.0;  ///< all threads multiplying registers with matmul's instruction
};

/// Measures both on the context's threads with its table, best of `repeats` (about 0.5 s in all
/// with 25). The reads need 256 MiB for that time; throws Error(kOutOfMemory) without them.
Ceilings measure_ceilings(Context& ctx, int repeats = 25);

}  // namespace levin::kernels
