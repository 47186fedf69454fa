#include "cli/cache_options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "base/environment.h"
#include "base/error.h"
#include "cli/checks.h"

namespace levin::cli {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

void add_cache_options(CLI::App& command, CacheOptions& options) {
  constexpr int64_t kMostMib = int64_t{1} << 40;
  CLI::Option* folder =
      command
          .add_option("--cache", options.dir,
                      "folder that keeps what was read: the same beginning is restored next time")
          ->check(text_not_empty())
          ->type_name("DIR");
  command.add_option("--cache-size", options.limit_mib, "limit of that folder in MiB")
      ->check(whole_number(1, kMostMib))
      ->capture_default_str()
      ->needs(folder)
      ->type_name("MIB");
}

void apply(const CacheOptions& options, runtime::EngineOptions& engine) {
  engine.disk_cache_dir = options.dir;
  engine.disk_cache_bytes = options.limit_mib << 20;
}

std::string default_cache_dir() {
  if (const std::string served = variable("LEVIN_DISK_CACHE"); !served.empty()) {
    return served;
  }
  if (const std::string cache = base::absolute_path_of("XDG_CACHE_HOME"); !cache.empty()) {
    return cache + "/levin";
  }
  if (const std::string home = base::absolute_path_of("HOME"); !home.empty()) {
    return home + "/.cache/levin";
  }
  throw base::Error(base::ErrorCode::kInvalidArgument,
                    "none of LEVIN_DISK_CACHE, XDG_CACHE_HOME and HOME names the cache folder; "
                    "name it with --dir");
}

}  // namespace levin::cli
