// Recipes from and to TOML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "train/recipe/recipe.h"

namespace levin::train::recipe {

/// Reads a recipe strictly. `overrides` are "section.key=value" ("run.seed=3",
/// "defaults.lr=0.01", "stage.NAME.max_steps=10", "stage.NAME.sample.facts_max=4"); they pass the
/// same checks. A value that is not TOML is taken as a string.
/// Throws Error(kInvalidFile), or Error(kInvalidArgument) for an override: one sentence with file,
/// line, key and what is allowed, for text that is not TOML, unknown keys, wrong types, values out
/// of bounds, stages that contradict themselves, and keys that do nothing where they are given.
Recipe parse_recipe(std::string_view text, const std::string& path,
                    const std::vector<std::string>& overrides = {});

/// parse_recipe of a file. Also throws Error(kNotFound | kIo).
Recipe load_recipe(const std::string& path, const std::vector<std::string>& overrides = {});

/// parse_recipe of a text that recipe_text wrote, perhaps of an older version: keys that do nothing
/// may be given there.
Recipe parse_stored_recipe(std::string_view text, const std::string& path);

/// The recipe as TOML with every key written out that does something, [defaults] resolved:
/// parse_recipe reads the same recipe back, and two recipes are equal if their texts are.
std::string recipe_text(const Recipe& recipe);

/// The first "section.key: value != value" in which two texts of recipe_text differ; empty if they
/// make the same run: data.manifest_sha256 is a check, and may be missing in one of them.
std::string first_difference(std::string_view stored, std::string_view given);

}  // namespace levin::train::recipe
