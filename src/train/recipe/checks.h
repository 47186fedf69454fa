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

/// Throws Error with `message` and where `key` was given, or the recipe's path if it was not.
[[noreturn]] void fail_at(const Recipe& recipe, const KeyPlaces& places, const std::string& key,
                          const std::string& message);

/// fail_at for a key of a stage, or of [defaults] if it was given there.
[[noreturn]] void fail_stage_at(const Recipe& recipe, const KeyPlaces& places,
                                const StageSettings& stage, const std::string& key,
                                const std::string& message);

}  // namespace levin::train::recipe
