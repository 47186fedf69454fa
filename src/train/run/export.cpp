#include "train/run/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "train/nn/load.h"
#include "train/recipe/parse.h"
#include "train/run/checkpoint_store.h"
#include "train/run/new_folder.h"
#include "train/run/run_folder.h"

namespace levin::train::run {
namespace {

using base::ErrorCode;
using base::throw_error;

/// Of no other command: what lies there is removed.
constexpr const char* kExportPartSuffix = ".export-part";

StoredCheckpoint choose(const ExportOptions& options, const recipe::Recipe& recipe) {
  const std::vector<StoredCheckpoint> all =
      list_checkpoints(checkpoints_path(options.run_folder), std::ssize(recipe.stages));
  if (options.choice == CheckpointChoice::kStageEnd) {
    const auto is_wanted = [&](const StoredCheckpoint& checkpoint) {
      return checkpoint.state.is_stage_end &&
             recipe.stages.at(checkpoint.state.stage_idx).name == options.stage;
    };
    const auto found = std::ranges::find_if(all, is_wanted);
    if (found == all.end()) {
      throw_error(ErrorCode::kNotFound, options.run_folder,
                  "there is no checkpoint of the end of stage \"{}\"", options.stage);
    }
    return *found;
  }
  if (all.empty()) {
    throw_error(ErrorCode::kNotFound, options.run_folder, "there is no checkpoint yet");
  }
  return options.choice == CheckpointChoice::kBest ? best_of_newest_stage(all) : all.back();
}

}  // namespace

std::string export_model(const ExportOptions& options) {
  const recipe::Recipe recipe = recipe::parse_stored_recipe(stored_recipe_text(options.run_folder),
                                                            options.run_folder + "/recipe.toml");
  const StoredCheckpoint checkpoint = choose(options, recipe);
  require_new_folder(options.out);
  const nn::ModelWeights weights = nn::load_model(checkpoint.path);
  write_new_folder(options.out, kExportPartSuffix, [&](const std::string& part) {
    nn::copy_companion_files(checkpoint.path, part);
    nn::save_model(weights, part, options.dtype);
  });
  return fmt::format("{}: the model after step {} (stage {}), {} parameters", options.out,
                     checkpoint.state.step, recipe.stages.at(checkpoint.state.stage_idx).name,
                     nn::parameter_count(weights));
}

}  // namespace levin::train::run
