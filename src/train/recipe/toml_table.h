// A recipe's TOML as a tree whose every value knows its file and line. Private to recipe.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <toml.hpp>
#include <vector>

#include "base/error.h"

namespace levin::train::recipe {

/// `path:line` of a value, or the `--set` text that it came from.
std::string place_of(const toml::value& value);

/// The code of an error about a value: a wrong file, or a wrong argument if it came from --set.
base::ErrorCode code_for(const std::string& place);

/// Parses TOML text. Throws Error(kInvalidFile) with path, line and one sentence.
toml::value parse_toml(std::string_view text, const std::string& path);

/// Puts "section.key=value" into the tree; "stage.NAME.key=value" into the stage of that name.
/// Throws Error(kInvalidArgument) for text of another form and for a stage that is not there.
void apply_override(toml::value& root, const std::string& text);

/// A value as it stands in a message: its TOML, cut if long.
std::string shown(const toml::value& value);

}  // namespace levin::train::recipe
