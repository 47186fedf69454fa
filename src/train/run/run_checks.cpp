#include "train/run/run_checks.h"

#include "base/error.h"
#include "train/data/generator.h"
#include "train/run/model_setup.h"
#include "train/run/ranks.h"

namespace levin::train::run {
namespace {

using base::ErrorCode;
using base::throw_error;

void check_stages(const recipe::Recipe& recipe, const optim::DataParallel* ranks) {
  for (const recipe::StageSettings& stage : recipe.stages) {
    try {
      data::check_spec(stage.sample);
    } catch (const base::Error& error) {
      throw_error(error.code(), recipe.path, "stage \"{}\": sample.{}", stage.name, error.what());
    }
    require_even_share(stage, ranks, recipe.path);
  }
}

void require_built_by(const recipe::Recipe& recipe, const data::DataSet& data) {
  const recipe::DataSettings& wanted = recipe.data;
  if (!wanted.name.empty() && wanted.name != data.recipe) {
    throw_error(ErrorCode::kInvalidArgument, recipe.path,
                "[data] name is \"{}\", but {} was built as \"{}\"; name the folder of this data, "
                "or give that name",
                wanted.name, data.folder, data.recipe);
  }
  if (wanted.tokenizer.empty() == data.has_given_tokenizer) {
    throw_error(
        ErrorCode::kInvalidArgument, recipe.path,
        "[data] tokenizer is {}, but {} was built with {}; name the folder of this data, or "
        "build it",
        wanted.tokenizer.empty() ? "not given" : "\"" + wanted.tokenizer + "\"", data.folder,
        data.has_given_tokenizer ? "that of a model" : "a tokenizer of its own");
  }
  if (!wanted.tokenizer.empty()) {
    data::require_same_tokenizer(data, wanted.tokenizer);
  } else if (wanted.vocab_size != data.vocab_size) {
    throw_error(ErrorCode::kInvalidArgument, recipe.path,
                "[data] vocab_size is {}, but {} was built with {}; name the folder of this data, "
                "or give that size",
                wanted.vocab_size, data.folder, data.vocab_size);
  }
}

}  // namespace

data::DataSet load_recipe_data(const recipe::Recipe& recipe) {
  data::DataSet data = data::load_data(recipe.data.folder);
  data::require_manifest(data, recipe.data.manifest_sha256, recipe.path);
  require_built_by(recipe, data);
  return data;
}

data::DataSet load_checked_data(const recipe::Recipe& recipe, const optim::DataParallel* ranks) {
  check_stages(recipe, ranks);
  const std::string& parent = recipe.model.parent;
  if (!parent.empty()) {  // before its tokenizer: of another architecture that says nothing
    (void)config_of_stages(recipe, model::load_config(parent), 0);
  }
  data::DataSet data = load_recipe_data(recipe);
  if (!parent.empty()) {
    data::require_same_tokenizer(data, parent);
  }
  return data;
}

}  // namespace levin::train::run
