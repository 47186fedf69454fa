// The folder of a training run. It belongs to one recipe and to one process at a time.
//   recipe.toml      the recipe as recipe_text writes it: the run's identity; above it the version
//                    of levin-train that began the run
//   metrics.jsonl    one line a step
//   checkpoints/     see checkpoint_store.h
//   selection.jsonl  how good the indexer was at the end of each warm-up and sparse stage
//   curves/          charts of the metrics
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "train/run/folder_lock.h"

namespace levin::train::run {

/// How the first line of recipe.toml begins; the version follows.
inline constexpr std::string_view kVersionLine = "# of levin-train ";

[[nodiscard]] std::string metrics_path(const std::string& run_folder);
[[nodiscard]] std::string selection_path(const std::string& run_folder);
[[nodiscard]] std::string checkpoints_path(const std::string& run_folder);
[[nodiscard]] std::string curves_path(const std::string& run_folder);

enum class StartMode { kFresh, kResume };

/// An open run folder; another process that opens it meanwhile is refused.
class RunFolder {
 public:
  /// Makes the folder, or opens it if it is of the same recipe. kFresh refuses a folder that holds
  /// a step of a run already; kResume takes both. `recipe_text` is of recipe::recipe_text; a key
  /// that the folder's recipe lacks counts as its default there. Throws Error(kInvalidArgument) for
  /// a folder of another recipe (naming the first key that differs), one that holds something else,
  /// or one in use, Error(kInvalidFile) if its recipe cannot be read, Error(kIo).
  RunFolder(const std::string& path, const std::string& recipe_text, StartMode mode);

  /// Makes the folder the recipe's, for good. Before that a run that is refused, for want of memory
  /// or of a sound config, leaves nothing in it. Throws Error(kIo).
  void claim() const;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  void require_own(StartMode mode) const;

  std::string path_;
  std::string recipe_text_;
  std::optional<FolderLock> lock_;
};

/// Whether the folder belongs to a recipe (RunFolder::claim).
[[nodiscard]] bool is_claimed(const std::string& run_folder);

/// How somebody goes on who has to change the recipe of a claimed folder, which takes no other one:
/// "in a recipe of what is left of the stages, with [model] parent = "CHECKPOINT" (the newest,
/// which is intact) and another --out"; without a checkpoint "and choose another --out". Throws as
/// list_checkpoints does.
[[nodiscard]] std::string way_to_another_recipe(const std::string& run_folder);

/// Text of a run folder's recipe. Throws Error(kNotFound) if `path` is no run folder.
std::string stored_recipe_text(const std::string& path);

}  // namespace levin::train::run
