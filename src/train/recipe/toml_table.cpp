#include "train/recipe/toml_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace levin::train::recipe {
namespace {

using base::ErrorCode;
using base::throw_error;

constexpr std::string_view kSetPrefix = "--set ";

/// What toml11 says without its function names and its drawing of the line.
std::string first_sentence(const std::string& message) {
  std::string line = message.substr(0, message.find('\n'));
  for (const std::string_view noise : {"[error] ", "toml::"}) {
    if (line.starts_with(noise)) {
      line.erase(0, noise.size());
    }
  }
  const size_t colon = line.find(": ");
  return colon == std::string::npos ? line : line.substr(colon + 2);
}

toml::value parse_named(const std::string& text, const std::string& name) {
  std::istringstream stream(text);
  return toml::parse(stream, name);
}

/// The table that `text` ("key=value") stands for; a value that is not TOML is a string.
toml::value override_table(const std::string& key, const std::string& value,
                           const std::string& name) {
  try {
    return parse_named(key + " = " + value + "\n", name);
  } catch (const std::exception&) {
    return parse_named(key + " = " + toml::format(toml::value(value)) + "\n", name);
  }
}

void merge(toml::value& target, const toml::value& source) {
  for (const auto& [key, value] : source.as_table()) {
    auto& table = target.as_table();
    const auto found = table.find(key);
    if (found != table.end() && found->second.is_table() && value.is_table()) {
      merge(found->second, value);
    } else {
      table.insert_or_assign(key, value);
    }
  }
}

toml::value& find_stage(toml::value& root, const std::string& name, const std::string& place) {
  std::string known;
  if (root.contains("stage") && root.at("stage").is_array()) {
    for (toml::value& stage : root.at("stage").as_array()) {
      if (!stage.is_table() || !stage.contains("name") || !stage.at("name").is_string()) {
        continue;
      }
      const std::string& stage_name = stage.at("name").as_string();
      if (stage_name == name) {
        return stage;
      }
      known += (known.empty() ? "" : ", ") + stage_name;
    }
  }
  throw_error(ErrorCode::kInvalidArgument, place, "there is no stage \"{}\"; there are: {}", name,
              known.empty() ? "none" : known);
}

}  // namespace

std::string place_of(const toml::value& value) {
  const toml::source_location location = value.location();
  return location.file_name().starts_with(kSetPrefix)
             ? location.file_name()
             : fmt::format("{}:{}", location.file_name(), location.line());
}

base::ErrorCode code_for(const std::string& place) {
  return place.starts_with(kSetPrefix) ? ErrorCode::kInvalidArgument : ErrorCode::kInvalidFile;
}

toml::value parse_toml(std::string_view text, const std::string& path) {
  try {
    return parse_named(std::string(text), path);
  } catch (const toml::syntax_error& error) {
    throw_error(ErrorCode::kInvalidFile, fmt::format("{}:{}", path, error.location().line()),
                "this is not TOML: {}", first_sentence(error.what()));
  } catch (const std::exception& error) {
    throw_error(ErrorCode::kInvalidFile, path, "this is not TOML: {}",
                first_sentence(error.what()));
  }
}

void apply_override(toml::value& root, const std::string& text) {
  const std::string place = std::string(kSetPrefix) + text;
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || text.find('.') >= equals) {
    throw_error(ErrorCode::kInvalidArgument, place,
                "expected section.key=value, such as run.seed=3 or stage.NAME.max_steps=10");
  }
  std::string key = text.substr(0, equals);
  toml::value* target = &root;
  constexpr std::string_view kStage = "stage.";
  if (key.starts_with(kStage)) {
    const std::string rest = key.substr(kStage.size());
    const std::string name = rest.substr(0, rest.find('.'));
    target = &find_stage(root, name, place);
    key = rest.substr(std::min(rest.size(), name.size() + 1));
  }
  try {
    merge(*target, override_table(key, text.substr(equals + 1), place));
  } catch (const std::exception&) {
    throw_error(ErrorCode::kInvalidArgument, place, "\"{}\" is not the name of a key", key);
  }
}

std::string shown(const toml::value& value) {
  if (value.is_table()) {
    return "a section";
  }
  constexpr size_t kMost = 60;
  std::string text = toml::format(value);
  text.erase(std::remove(text.begin(), text.end(), '\n'), text.end());
  return text.size() <= kMost ? text : text.substr(0, kMost) + "...";
}

}  // namespace levin::train::recipe
