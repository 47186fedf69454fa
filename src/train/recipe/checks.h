// What a recipe's values must have in common. Private to recipe.
#pragma once

#include <map>
#include <string>

#include "train/recipe/recipe.h"

namespace levin::train::recipe {

/// Where each key was given: "stage.NAME.lr" -> "path:line".
using KeyPlaces = std::map<std::string, std::string>;

/// Throws Error as parse_recipe does for values that are fine alone but not together.
void check_recipe(const Recipe& recipe, const KeyPlaces& places);

}  // namespace levin::train::recipe
