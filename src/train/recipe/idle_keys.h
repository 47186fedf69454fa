// Keys that do nothing where they stand: a recipe that gives one means something else.
#pragma once

#include <string_view>

#include "train/recipe/checks.h"
#include "train/recipe/recipe.h"

namespace levin::train::recipe {

/// Whether a stage of this kind, or as short as this one, does not read `key`.
[[nodiscard]] bool is_idle(const StageSettings& stage, std::string_view key);

/// Throws Error as parse_recipe does for the first key that is given and does nothing. A stage may
/// inherit one from [defaults], where it is meant for the others.
void check_idle_keys(const Recipe& recipe, const KeyPlaces& places);

}  // namespace levin::train::recipe
