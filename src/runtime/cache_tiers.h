// The two places where cached prefixes lie, made as the engine's options ask for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/disk_cache.h"
#include "runtime/engine.h"
#include "runtime/page_pool.h"
#include "runtime/prefix_cache.h"

namespace levin::runtime {

/// Destroyed from the last to the first, and all of it before the pool.
struct CacheTiers {
  std::unique_ptr<DiskCache> disk;        ///< null: nothing outlives the process
  std::unique_ptr<PrefixCache> prefixes;  ///< null: prompts share nothing
};

/// `pool` must outlive the tiers. What keeps the disk from being used is logged.
[[nodiscard]] CacheTiers make_cache_tiers(const EngineOptions& options,
                                          const std::string& model_dir, Engine& engine,
                                          PagePool& pool);

/// What there is and what it did since it was made.
[[nodiscard]] CacheStats stats_of(const CacheTiers& tiers, const PagePool& pool);

}  // namespace levin::runtime
