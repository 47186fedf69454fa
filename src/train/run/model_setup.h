// From a recipe to a model's shape and weights.
#pragma once

#include <cstdint>
#include <string>

#include "model/config.h"
#include "text/tokenizer.h"
#include "train/nn/weights.h"
#include "train/recipe/recipe.h"

namespace levin::train::run {

/// What a model's config.json says of its tokenizer. The defaults are those of a tokenizer that
/// `data build` trains.
struct TokenIds {
  int64_t vocab_size = 0;
  int64_t bos = 0;
  int64_t eos = 1;
};

/// Throws as data::find_marks does.
TokenIds token_ids(const text::Tokenizer& tokenizer);

/// The dense model that [model] describes, for a tokenizer of these ids. Passes the checks of
/// config.json. Throws Error(kInvalidFile | kUnsupported) with the recipe's path and the key.
model::Config config_from_recipe(const recipe::Recipe& recipe, const TokenIds& ids);

/// The model to begin with: that of [model], or the parent's with the recipe's context
/// (parent_checks.h). Reads no weights. Throws as config_from_recipe, load_config and
/// extend_context do, and Error(kInvalidArgument) if the parent has another vocabulary than the
/// data's tokenizer or another indexer than the recipe.
model::Config starting_config(const recipe::Recipe& recipe, const TokenIds& ids);

/// `config` as the stages from `first_stage_idx` on make it: with the recipe's indexer if one of
/// them needs it and it is not there yet. Throws Error(kInvalidArgument | kUnsupported) naming the
/// recipe if there is no [indexer], or one that the model cannot have.
model::Config config_of_stages(const recipe::Recipe& recipe, const model::Config& config,
                               int64_t first_stage_idx);

/// Weights to begin with: drawn (recipe.run.seed), or the parent's with the recipe's context
/// (parent_checks.h). Throws as starting_config and load_model do.
nn::ModelWeights starting_weights(const recipe::Recipe& recipe, const TokenIds& ids);

/// Makes a dense model sparse: an indexer in every layer, drawn from the seed. A model that is
/// sparse already stays as it is. Throws as config_of_stages does.
void ensure_indexer(nn::ModelWeights& weights, const recipe::Recipe& recipe);

}  // namespace levin::train::run
