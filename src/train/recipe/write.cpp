#include <fmt/format.h>

#include <map>
#include <sstream>

#include "train/recipe/idle_keys.h"
#include "train/recipe/keys.h"
#include "train/recipe/parse.h"

namespace levin::train::recipe {
namespace {

constexpr const char* kNoText = "\"\"";  // an empty string in TOML

template <typename Struct>
void write_keys(std::string& out, const std::vector<Key<Struct>>& keys, const Struct& values) {
  for (const Key<Struct>& key : keys) {
    out += fmt::format("{} = {}\n", key.name, value_text(key, values));
  }
}

/// With a parent only what parse_recipe allows beside it.
void write_model(std::string& out, const ModelSettings& model) {
  out += "\n[model]\n";
  for (const Key<ModelSettings>& key : model_keys()) {
    if (model.parent.empty() || is_allowed_beside_parent(key.name)) {
      out += fmt::format("{} = {}\n", key.name, value_text(key, model));
    }
  }
  out += "\n[model.rope_scaling]\n";
  write_keys(out, rope_scaling_keys(), model.rope_scaling);
}

/// A tokenizer that is given has its own size.
void write_data(std::string& out, const DataSettings& data) {
  out += "\n[data]\n";
  for (const Key<DataSettings>& key : data_keys()) {
    if (data.tokenizer.empty() || key.name != "vocab_size") {
      out += fmt::format("{} = {}\n", key.name, value_text(key, data));
    }
  }
}

/// What the stage does not read is no part of the run's identity.
void write_stage(std::string& out, const StageSettings& stage) {
  for (const Key<StageSettings>& key : stage_keys()) {
    if (!is_idle(stage, key.name)) {
      out += fmt::format("{} = {}\n", key.name, value_text(key, stage));
    }
  }
}

/// A checksum that was added to a recipe later, or taken out, makes no other run of it.
bool is_left_out_checksum(const std::string& key, const std::string& value,
                          const std::string& other) {
  return key == "data.manifest_sha256" && (value == kNoText || other == kNoText);
}

/// "section.key" -> value of the lines of recipe_text. Stages go by their number.
std::map<std::string, std::string> flatten(std::string_view text) {
  std::map<std::string, std::string> values;
  std::istringstream lines{std::string(text)};
  std::string section;
  int stages = 0;
  for (std::string line; std::getline(lines, line);) {
    const size_t equals = line.find(" = ");
    if (line == "[[stage]]") {
      section = fmt::format("stage {}", ++stages);
    } else if (line.starts_with("[stage.")) {
      section = fmt::format("stage {}{}", stages, line.substr(6, line.size() - 7));
    } else if (line.starts_with("[")) {
      section = line.substr(1, line.size() - 2);
    } else if (equals != std::string::npos) {
      values[section + "." + line.substr(0, equals)] = line.substr(equals + 3);
    }
  }
  return values;
}

}  // namespace

std::string recipe_text(const Recipe& recipe) {
  std::string out = "[run]\n";
  write_keys(out, run_keys(), recipe.run);
  write_model(out, recipe.model);
  out += "\n[indexer]\n";
  write_keys(out, indexer_keys(), recipe.indexer);
  write_data(out, recipe.data);
  for (const StageSettings& stage : recipe.stages) {
    out += "\n[[stage]]\n";
    write_stage(out, stage);
    out += "\n[stage.sample]\n";
    write_keys(out, sample_keys(), stage.sample);
    out += "\n[stage.sample.weights]\n";
    write_keys(out, weight_keys(), stage.sample.weights);
  }
  return out;
}

std::string first_difference(std::string_view stored, std::string_view given) {
  const auto old_values = flatten(stored);
  auto new_values = flatten(given);
  for (const auto& [key, value] : old_values) {
    const auto found = new_values.find(key);
    const std::string now = found == new_values.end() ? "not given" : found->second;
    if (now != value && !is_left_out_checksum(key, value, now)) {
      return fmt::format("{}: {} != {}", key, value, now);
    }
    new_values.erase(key);
  }
  return new_values.empty() ? ""
                            : fmt::format("{}: not given != {}", new_values.begin()->first,
                                          new_values.begin()->second);
}

}  // namespace levin::train::recipe
