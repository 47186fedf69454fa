// Where cached prefixes outlive the process: --cache and --cache-size, and the usual folder.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/engine.h"

namespace CLI {
class App;
}

namespace levin::cli {

struct CacheOptions {
  std::string dir;  ///< empty: nothing outlives the process
  int64_t limit_mib = int64_t{20} << 10;
};

/// --cache DIR and --cache-size MIB.
void add_cache_options(CLI::App& command, CacheOptions& options);

/// Makes an engine use them.
void apply(const CacheOptions& options, runtime::EngineOptions& engine);

/// The cache folder that `levin cache` means unless it is told another one: $LEVIN_DISK_CACHE, as
/// `levin serve` reads it, else levin in $XDG_CACHE_HOME or ~/.cache. Throws
/// Error(kInvalidArgument) if none of them is set.
[[nodiscard]] std::string default_cache_dir();

}  // namespace levin::cli
