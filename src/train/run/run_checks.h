// What a run needs of recipe, data and ranks, checked before anything long begins.
#pragma once

#include "train/data/build_data.h"
#include "train/optim/data_parallel.h"
#include "train/recipe/recipe.h"

namespace levin::train::run {

/// The recipe's data folder. Throws Error naming recipe and key if the folder was built under
/// another name or with another vocab_size or tokenizer; what load_data and require_manifest throw.
[[nodiscard]] data::DataSet load_recipe_data(const recipe::Recipe& recipe);

/// load_recipe_data for a run. Throws Error naming recipe and key also if documents of a stage
/// cannot be made or if a step's rows do not divide among the ranks (`ranks` is null for one
/// process alone); what load_recipe_data and, for a parent, load_config, config_of_stages and
/// require_same_tokenizer throw, the config's before the tokenizer's.
[[nodiscard]] data::DataSet load_checked_data(const recipe::Recipe& recipe,
                                              const optim::DataParallel* ranks);

}  // namespace levin::train::run
