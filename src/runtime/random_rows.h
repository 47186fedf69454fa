// Cache rows of random content, so that speed at a great depth can be measured without a prefill.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/kv_layout.h"

namespace levin::runtime {

struct RandomRows {
  std::byte* const* pages = nullptr;  ///< page table that covers the positions
  const kernels::KvLayout* layout = nullptr;
  int64_t first_pos = 0;
  int64_t tokens = 0;
  bool has_power_of_two_scales = false;  ///< of the index keys (scale_fmt ue8m0)
  uint64_t seed = 0;
};

/// Fills positions [first_pos, first_pos + tokens) of every layer as a model might: latents and
/// rotary keys of variance 1 (what RMSNorm leaves), index keys of a normal distribution whose size
/// differs from token to token, quantised like the indexer's. A row's content depends on seed,
/// layer and position alone. Throws Error(kCancelled) with the pool's token.
void fill_random_rows(const RandomRows& rows, base::ThreadPool& pool);

}  // namespace levin::runtime
