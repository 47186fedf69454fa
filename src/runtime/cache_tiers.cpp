#include "runtime/cache_tiers.h"

#include "base/error.h"
#include "base/log.h"
#include "kernels/context.h"
#include "kernels/op_table.h"
#include "runtime/cache_identity.h"

namespace levin::runtime {

CacheTiers make_cache_tiers(const EngineOptions& options, const std::string& model_dir,
                            Engine& engine, PagePool& pool) {
  CacheTiers tiers;
  if (!options.share_prefixes) {
    return tiers;
  }
  std::string identity;
  if (!options.disk_cache_dir.empty()) {
    try {
      identity = cache_identity(model_digest(model_dir), engine.config(), options.forward,
                                options.load.encoding, engine.transformer().kv_layout(),
                                engine.context().table().name);
      tiers.disk = std::make_unique<DiskCache>(DiskCacheOptions{
          .cache_dir = options.disk_cache_dir, .limit_bytes = options.disk_cache_bytes});
    } catch (const base::Error& error) {
      base::log_warning("the cache on disk stays off: {}", error.what());
    }
  }
  tiers.prefixes = std::make_unique<PrefixCache>(pool, identity, tiers.disk.get());
  return tiers;
}

CacheStats stats_of(const CacheTiers& tiers, const PagePool& pool) {
  CacheStats stats;
  stats.page_bytes = pool.page_bytes();
  stats.capacity_pages = pool.capacity_pages();
  stats.held_pages = pool.held_pages();
  stats.reserved_pages = pool.reserved_pages();
  if (tiers.prefixes != nullptr) {
    stats.evicted_pages = tiers.prefixes->evicted_pages();
  }
  if (tiers.disk != nullptr) {
    stats.disk = tiers.disk->stats();
  }
  return stats;
}

}  // namespace levin::runtime
