// The one table of recipe keys: names, places in the structs, bounds, meaning. Parsing, writing,
// --help and docs/training.md all come from it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "train/recipe/recipe.h"

namespace levin::train::recipe {

/// An enum among named choices: their names, and how to get and set its index.
template <typename Struct>
struct ChoiceAccess {
  std::vector<std::string_view> choices;
  size_t (*get)(const Struct&);
  void (*set)(Struct&, size_t);
};

template <typename Struct>
using KeyPlace =
    std::variant<int64_t Struct::*, int32_t Struct::*, double Struct::*, float Struct::*,
                 bool Struct::*, std::string Struct::*, ChoiceAccess<Struct>>;

template <typename Struct>
struct Key {
  std::string_view name;
  KeyPlace<Struct> place;
  std::string_view meaning;
  double min = 0.0;  ///< numbers: bounds, both allowed
  double max = 0.0;
};

const std::vector<Key<RunSettings>>& run_keys();
const std::vector<Key<ModelSettings>>& model_keys();
const std::vector<Key<RopeScalingSettings>>& rope_scaling_keys();
const std::vector<Key<IndexerSettings>>& indexer_keys();
const std::vector<Key<DataSettings>>& data_keys();
const std::vector<Key<StageSettings>>& stage_keys();
const std::vector<Key<data::SampleSpec>>& sample_keys();
const std::vector<Key<data::RoleWeights>>& weight_keys();

/// Whether `key` of [model] may be given beside a parent, whose config.json has all the others.
[[nodiscard]] bool is_allowed_beside_parent(std::string_view key);

/// "a whole number from 1 to 64", "one of dense, warmup, sparse", ...
template <typename Struct>
std::string allowed_text(const Key<Struct>& key);

/// A value as TOML.
template <typename Struct>
std::string value_text(const Key<Struct>& key, const Struct& values);

/// A key as documentation shows it.
struct KeyDescription {
  std::string section;  ///< "[run]", "[[stage]], [defaults]", ...
  std::string key;
  std::string allowed;
  std::string preset;  ///< the default as TOML
  std::string meaning;
};

/// Every key, by section.
std::vector<KeyDescription> describe_keys();

/// describe_keys() as Markdown tables, one per section.
std::string keys_markdown();

/// describe_keys() as plain text for a terminal.
std::string keys_help();

}  // namespace levin::train::recipe
