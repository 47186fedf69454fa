// levin cache: what the prefix cache on disk holds, and emptying it.

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "cli/cache_options.h"
#include "cli/checks.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "kernels/kv_layout.h"
#include "runtime/page_key.h"
#include "runtime/segment_folder.h"
#include "runtime/segment_survey.h"
#include "serve/accounts/accounts_file.h"
#include "serve/accounts/key_store.h"
#include "serve/accounts/path.h"

namespace levin::cli {
namespace {

using nlohmann::json;
using serve::accounts::Access;
using serve::accounts::Database;
using serve::accounts::KeyWithBalance;

struct CacheCommand {
  std::string dir;
  std::string accounts_path;
  std::string key;
  bool as_json = false;

  [[nodiscard]] std::string folder() const { return dir.empty() ? default_cache_dir() : dir; }
};

/// Names of owners by the tag that their pages carry.
using OwnerNames = std::map<uint64_t, std::string>;

/// Of requests without a key: `levin ask`, `levin chat` and a service without accounts.
uint64_t tag_of_nobody() { return runtime::owner_tag(0); }

/// The file of --accounts, or the default one if that is there; else owners stay nameless.
std::string accounts_to_read(const CacheCommand& options) {
  if (!options.accounts_path.empty()) {
    return options.accounts_path;
  }
  try {
    std::error_code error;
    const std::string path = serve::accounts::default_accounts_path();
    return std::filesystem::exists(path, error) ? path : "";
  } catch (const base::Error&) {
    return "";
  }
}

OwnerNames owner_names(const CacheCommand& options) {
  OwnerNames names;
  const std::string path = accounts_to_read(options);
  if (path.empty()) {
    return names;
  }
  Database database = serve::accounts::open_accounts_file(path, Access::kRead);
  for (const KeyWithBalance& entry : serve::accounts::list_keys(database)) {
    names.emplace(runtime::owner_tag(entry.key.prefix_salt), entry.key.owner);
  }
  return names;
}

// ---- stats

/// What a folder holds of one owner, or of all.
struct Holding {
  int64_t pages = 0;
  int64_t bytes = 0;
  int64_t used_us = 0;  ///< the latest use; 0: unknown

  void add(const runtime::IndexedSegment& segment) {
    ++pages;
    bytes += segment.bytes;
    used_us = std::max(used_us, segment.used_us);
  }
  [[nodiscard]] int64_t tokens() const { return pages * kernels::kPageTokens; }
};

std::string time_text(int64_t used_us) {
  return used_us == 0 ? "unknown"
                      : fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(used_us / 1'000'000));
}

json to_json(const Holding& holding) {
  return {{"pages", holding.pages},
          {"tokens", holding.tokens()},
          {"bytes", holding.bytes},
          {"last_used_unix_s",
           holding.used_us == 0 ? json(nullptr) : json(holding.used_us / 1'000'000)}};
}

std::vector<std::string> row_of(const std::string& owner, const Holding& holding) {
  return {owner, std::to_string(holding.pages), std::to_string(holding.tokens()),
          base::format_bytes(holding.bytes), time_text(holding.used_us)};
}

void print_stats(const std::string& folder, bool is_in_use,
                 const std::map<uint64_t, Holding>& owners, const Holding& total,
                 const OwnerNames& names, bool as_json) {
  json report = to_json(total);
  report["folder"] = folder;
  report["is_in_use"] = is_in_use;
  report["owners"] = json::array();
  std::vector<std::vector<std::string>> rows = {{"OWNER", "PAGES", "TOKENS", "SIZE", "LAST USED"}};
  for (const auto& [tag, holding] : owners) {
    const std::string tag_text = fmt::format("{:016x}", tag);
    const auto name = names.find(tag);
    const bool is_named = name != names.end();
    report["owners"].push_back(to_json(holding));
    report["owners"].back()["tag"] = tag_text;
    report["owners"].back()["owner"] = is_named ? json(name->second) : json(nullptr);
    report["owners"].back()["has_key"] = tag != tag_of_nobody();
    rows.push_back(row_of(tag == tag_of_nobody() ? "without a key"
                          : is_named             ? name->second
                                                 : "tag " + tag_text,
                          holding));
  }
  if (as_json) {
    return write_json(report);
  }
  rows.push_back(row_of("total", total));
  write_output(folder + (is_in_use ? ": in use by a running levin\n" : ": not in use\n"));
  print_table(rows);
}

void show_stats(const CacheCommand& options) {
  const std::string folder = options.folder();
  std::map<uint64_t, Holding> owners;
  Holding total;
  for (const runtime::IndexedSegment& segment : runtime::survey_segments(folder)) {
    owners[segment.owner].add(segment);
    total.add(segment);
  }
  print_stats(folder, runtime::is_segment_folder_in_use(folder), owners, total,
              owner_names(options), options.as_json);
}

// ---- purge

std::optional<uint64_t> owner_to_purge(const CacheCommand& options) {
  if (options.key.empty()) {
    return std::nullopt;
  }
  Database database = serve::accounts::open_accounts_file(
      options.accounts_path.empty() ? serve::accounts::default_accounts_path()
                                    : options.accounts_path,
      Access::kRead);
  return runtime::owner_tag(serve::accounts::get_key(database, options.key).prefix_salt);
}

void purge(const CacheCommand& options) {
  const std::string folder = options.folder();
  const runtime::PurgedSegments purged = runtime::purge_segments(folder, owner_to_purge(options));
  if (options.as_json) {
    write_json({{"folder", folder}, {"pages", purged.pages}, {"bytes", purged.bytes}});
  } else {
    write_output(fmt::format("{}: removed {} pages, {}\n", folder, purged.pages,
                             base::format_bytes(purged.bytes)));
  }
}

// ---- the command line

CLI::App* add_subcommand(CLI::App& cache, Invocation& invocation, const char* name,
                         const char* description, const char* footer,
                         const std::shared_ptr<CacheCommand>& options,
                         void (*run)(const CacheCommand& options)) {
  CLI::App* command = cache.add_subcommand(name, description);
  command
      ->add_option("--dir", options->dir,
                   "the cache folder; default: $LEVIN_DISK_CACHE, else levin in $XDG_CACHE_HOME "
                   "or ~/.cache")
      ->check(text_not_empty())
      ->type_name("DIR");
  command
      ->add_option("--accounts", options->accounts_path,
                   "the accounts file that names owners; default: as `levin keys`")
      ->check(text_not_empty())
      ->type_name("FILE");
  command->add_flag("--json", options->as_json, "report as JSON");
  command->footer(footer);
  command->callback(
      [options, run, &invocation] { invocation.run = [options, run] { run(*options); }; });
  return command;
}

}  // namespace

void add_cache_command(CLI::App& app, Invocation& invocation) {
  CLI::App* cache =
      app.add_subcommand("cache", "Show or empty the prefix cache on disk (--cache, disk_cache)");
  cache->require_subcommand(1);
  cache->footer("\nExample:\n  levin cache stats --dir ~/.cache/levin");
  add_subcommand(*cache, invocation, "stats", "Show what a cache folder holds, and whose it is",
                 "\nWorks beside a running server.\n\nExample:\n"
                 "  levin cache stats --dir ~/.cache/levin --json",
                 std::make_shared<CacheCommand>(), &show_stats);
  auto purged = std::make_shared<CacheCommand>();
  add_subcommand(*cache, invocation, "purge", "Remove the pages of a key's owner, or all",
                 "\nRefused (exit code 6) while a server uses the folder, because that has pages\n"
                 "in memory too.\n\nExample:\n"
                 "  levin cache purge --key laptop --dir /var/cache/levin",
                 purged, &purge)
      ->add_option("--key", purged->key,
                   "name of a key (`levin keys list`): the pages of its owner; default: all pages")
      ->check(text_not_empty())
      ->type_name("NAME");
}

}  // namespace levin::cli
