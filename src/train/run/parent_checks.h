// A parent's checkpoint against the recipe that starts from it: what must be the same, and how its
// context is extended.
#pragma once

#include <string>

#include "model/config.h"
#include "train/recipe/recipe.h"

namespace levin::train::run {

/// Gives the parent's config the recipe's max_position_embeddings and YaRN. Without
/// max_position_embeddings YaRN extends to factor x original_max_position_embeddings.
/// Throws Error(kInvalidArgument) naming the key if original_max_position_embeddings is not the
/// context that the parent was trained with before any scaling, if another key of rope_scaling
/// differs from a parent's YaRN, if the context would become shorter or longer than YaRN reaches,
/// and if a stage's rows are longer than the context.
/// Source of the fields: config.json of DeepSeek-V3; docs/model.md 1.3.
void extend_context(const recipe::Recipe& recipe, model::Config& config);

/// Throws Error(kInvalidArgument) naming the key if the recipe gives an [indexer] that differs from
/// that of a sparse parent.
void require_same_indexer(const recipe::Recipe& recipe, const model::Config& config);

}  // namespace levin::train::run
