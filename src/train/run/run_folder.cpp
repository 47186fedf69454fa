#include "train/run/run_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/durable.h"
#include "base/error.h"
#include "base/files.h"
#include "base/unfinished_file.h"
#include "train/recipe/parse.h"
#include "train/run/checkpoint_store.h"
#include "train/run/version.h"

namespace levin::train::run {
namespace {

namespace fs = std::filesystem;

using base::ErrorCode;
using base::throw_error;

constexpr const char* kRecipeName = "recipe.toml";
constexpr int64_t kMaxRecipeBytes = 1 << 20;

std::string recipe_path(const std::string& path) { return path + "/" + kRecipeName; }

/// Whether the run of this folder has come to a first step.
bool has_progress(const std::string& path) {
  const std::string checkpoints = checkpoints_path(path);
  return fs::exists(metrics_path(path)) || (fs::exists(checkpoints) && !fs::is_empty(checkpoints));
}

/// What a kill within claim() may leave.
bool is_unfinished_claim(const fs::path& file) {
  return base::is_temporary_name(file.filename().string(), kRecipeName);
}

/// Whether the folder holds anything but our lock and a claim that was not finished.
bool is_empty(const std::string& path) {
  return std::ranges::all_of(fs::directory_iterator(path), [](const fs::directory_entry& entry) {
    return entry.path().filename() == kLockName || is_unfinished_claim(entry.path());
  });
}

/// With the folder locked nobody writes these any more.
void remove_unfinished_claims(const std::string& path) {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    if (is_unfinished_claim(entry.path())) {
      found.push_back(entry.path());
    }
  }
  for (const fs::path& file : found) {
    fs::remove(file);
  }
}

/// The folder's recipe as this version writes it: keys that came later have their defaults.
std::string completed_recipe(const std::string& path) {
  const std::string text = stored_recipe_text(path);
  try {
    return recipe::recipe_text(recipe::parse_stored_recipe(text, recipe_path(path)));
  } catch (const base::Error& error) {
    throw_error(ErrorCode::kInvalidFile, path,
                "this version of levin-train cannot read the recipe of this run ({}); go on with "
                "the version that began it, or choose another --out",
                error.what());
  }
}

}  // namespace

std::string metrics_path(const std::string& run_folder) { return run_folder + "/metrics.jsonl"; }
std::string selection_path(const std::string& run_folder) {
  return run_folder + "/selection.jsonl";
}
std::string checkpoints_path(const std::string& run_folder) { return run_folder + "/checkpoints"; }
std::string curves_path(const std::string& run_folder) { return run_folder + "/curves"; }

RunFolder::RunFolder(const std::string& path, const std::string& recipe_text, StartMode mode)
    : path_(path), recipe_text_(recipe_text) {
  base::make_folder(path);
  const bool is_run = is_claimed(path);
  if (!is_run && !is_empty(path)) {
    throw_error(ErrorCode::kInvalidArgument, path,
                "this folder holds something that is no run; choose another --out");
  }
  lock_.emplace(path);
  remove_unfinished_claims(path);
  if (is_claimed(path)) {
    require_own(mode);
  }
}

void RunFolder::require_own(StartMode mode) const {
  const std::string difference = recipe::first_difference(completed_recipe(path_), recipe_text_);
  if (!difference.empty()) {
    throw_error(ErrorCode::kInvalidArgument, path_,
                "this folder belongs to a run of another recipe ({}); choose another --out",
                difference);
  }
  if (mode == StartMode::kFresh && has_progress(path_)) {
    throw_error(ErrorCode::kInvalidArgument, path_,
                "this folder holds a run of this recipe; add --resume to go on with it, or choose "
                "another --out");
  }
}

void RunFolder::claim() const {
  if (!is_claimed(path_)) {
    base::write_file_atomically(recipe_path(path_),
                                fmt::format("{}{}\n{}", kVersionLine, version(), recipe_text_));
    base::sync_path(path_);
  }
}

bool is_claimed(const std::string& run_folder) { return fs::exists(recipe_path(run_folder)); }

std::string way_to_another_recipe(const std::string& run_folder) {
  const std::vector<StoredCheckpoint> checkpoints = list_checkpoints(checkpoints_path(run_folder));
  if (checkpoints.empty()) {
    return "and choose another --out";
  }
  return fmt::format(
      "in a recipe of what is left of the stages, with [model] parent = \"{}\" (the newest "
      "checkpoint, which is intact) and another --out",
      checkpoints.back().path);
}

std::string stored_recipe_text(const std::string& path) {
  if (!is_claimed(path)) {
    throw_error(ErrorCode::kNotFound, path, "this is no run folder: it has no {}", kRecipeName);
  }
  return base::read_file(recipe_path(path), kMaxRecipeBytes);
}

}  // namespace levin::train::run
