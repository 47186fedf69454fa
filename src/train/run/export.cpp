#include "train/run/export.h"

#include <fmt/format.h>

#include <optional>

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
  std::optional<StoredCheckpoint> chosen;
  for (const StoredCheckpoint& checkpoint :
       list_checkpoints(checkpoints_path(options.run_folder))) {
    const std::string& stage = recipe.stages.at(checkpoint.state.stage_idx).name;
    if (options.stage.empty() || (checkpoint.state.is_stage_end && stage == options.stage)) {
      chosen = checkpoint;
    }
  }
  if (!chosen) {
    throw_error(
        ErrorCode::kNotFound, options.run_folder, "{}",
        options.stage.empty()
            ? "there is no checkpoint yet"
            : fmt::format("there is no checkpoint of the end of stage \"{}\"", options.stage));
  }
  return *chosen;
}

}  // namespace

std::string export_model(const ExportOptions& options) {
  const recipe::Recipe recipe = recipe::parse_recipe(stored_recipe_text(options.run_folder),
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
