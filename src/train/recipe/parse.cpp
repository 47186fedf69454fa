#include "train/recipe/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <toml.hpp>
#include <type_traits>

#include "base/error.h"
#include "base/files.h"
#include "train/recipe/checks.h"
#include "train/recipe/idle_keys.h"
#include "train/recipe/keys.h"
#include "train/recipe/toml_table.h"

namespace levin::train::recipe {
namespace {

using base::throw_error;

constexpr int64_t kMaxRecipeBytes = 1 << 20;

/// Reads the sections of a tree into structs and notes where each key stood.
class Reader {
 public:
  explicit Reader(KeyPlaces& places) : places_(places) {}

  /// `section` prefixes keys in `places`, `label` stands in messages. Keys named in `subsections`
  /// are left to others.
  template <typename Struct>
  void read(const toml::value& section_value, const std::string& section, const std::string& label,
            const std::vector<Key<Struct>>& keys, Struct& values,
            std::initializer_list<std::string_view> subsections = {}) {
    require_table(section_value, label);
    for (const auto& [name, value] : section_value.as_table()) {
      if (std::ranges::find(subsections, name) != subsections.end()) {
        continue;
      }
      const auto key = std::ranges::find(keys, name, &Key<Struct>::name);
      if (key == keys.end()) {
        fail_unknown(value, label, name, keys, subsections);
      }
      places_[fmt::format("{}.{}", section, name)] = place_of(value);
      set(*key, value, label, values);
    }
  }

  static void require_table(const toml::value& value, const std::string& label) {
    if (!value.is_table()) {
      const std::string place = place_of(value);
      throw_error(code_for(place), place, "{} must be a section, got {}", label, shown(value));
    }
  }

 private:
  template <typename Struct>
  [[noreturn]] static void fail_unknown(const toml::value& value, const std::string& label,
                                        const std::string& name,
                                        const std::vector<Key<Struct>>& keys,
                                        std::initializer_list<std::string_view> subsections) {
    std::string known;
    for (const Key<Struct>& key : keys) {
      known += fmt::format("{}{}", known.empty() ? "" : ", ", key.name);
    }
    for (const std::string_view subsection : subsections) {
      known += fmt::format(", {}", subsection);
    }
    const std::string place = place_of(value);
    throw_error(code_for(place), place, "{} has no key \"{}\"; its keys are: {}", label, name,
                known);
  }

  template <typename Struct>
  [[noreturn]] static void fail(const Key<Struct>& key, const toml::value& value,
                                const std::string& label) {
    const std::string place = place_of(value);
    throw_error(code_for(place), place, "{} {} is {}, expected {}", label, key.name, shown(value),
                allowed_text(key));
  }

  template <typename Struct>
  static void set(const Key<Struct>& key, const toml::value& value, const std::string& label,
                  Struct& values) {
    std::visit(
        [&](const auto& place) {
          using Place = std::remove_cvref_t<decltype(place)>;
          if constexpr (std::is_same_v<Place, ChoiceAccess<Struct>>) {
            const auto choice = value.is_string()
                                    ? std::ranges::find(place.choices, value.as_string().str)
                                    : place.choices.end();
            if (choice == place.choices.end()) {
              fail(key, value, label);
            }
            place.set(values, static_cast<size_t>(choice - place.choices.begin()));
          } else {
            set_plain(key, value, label, values.*place);
          }
        },
        key.place);
  }

  template <typename Struct, typename Value>
  static void set_plain(const Key<Struct>& key, const toml::value& value, const std::string& label,
                        Value& out) {
    if constexpr (std::is_same_v<Value, bool>) {
      value.is_boolean() ? void(out = value.as_boolean()) : fail(key, value, label);
    } else if constexpr (std::is_same_v<Value, std::string>) {
      value.is_string() ? void(out = value.as_string().str) : fail(key, value, label);
    } else {
      const bool is_number =
          value.is_integer() || (std::is_floating_point_v<Value> && value.is_floating());
      if (!is_number) {
        fail(key, value, label);
      }
      const double number =
          value.is_integer() ? static_cast<double>(value.as_integer()) : value.as_floating();
      if (!(number >= key.min && number <= key.max)) {
        fail(key, value, label);
      }
      out = static_cast<Value>(number);
    }
  }

  KeyPlaces& places_;
};

const toml::value* find_value(const toml::value& table, const std::string& key) {
  return table.contains(key) ? &table.at(key) : nullptr;
}

void read_stage(Reader& reader, const toml::value& value, const std::string& section,
                const std::string& label, StageSettings& stage) {
  reader.read(value, section, label, stage_keys(), stage, {"sample"});
  if (const toml::value* sample = find_value(value, "sample")) {
    reader.read(*sample, section + ".sample", label + " sample", sample_keys(), stage.sample,
                {"weights"});
    if (const toml::value* weights = find_value(*sample, "weights")) {
      reader.read(*weights, section + ".sample.weights", label + " sample.weights", weight_keys(),
                  stage.sample.weights);
    }
  }
}

/// The stage's name, which messages about it need; checked before anything else of it.
std::string stage_name(const toml::value& stage) {
  Reader::require_table(stage, "[[stage]]");
  const toml::value* name = find_value(stage, "name");
  const std::string place = place_of(name != nullptr ? *name : stage);
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  if (name == nullptr || !name->is_string() || name->as_string().str.empty() ||
      name->as_string().str.find_first_not_of(kAllowed) != std::string::npos) {
    throw_error(code_for(place), place, "[[stage]] name is {}, expected letters, digits, - and _",
                name == nullptr ? "missing" : shown(*name));
  }
  return name->as_string().str;
}

void read_stages(Reader& reader, const toml::value& root, Recipe& recipe) {
  StageSettings defaults;
  if (const toml::value* value = find_value(root, "defaults")) {
    read_stage(reader, *value, "defaults", "[defaults]", defaults);
  }
  const toml::value* stages = find_value(root, "stage");
  if (stages == nullptr) {
    return;
  }
  if (!stages->is_array()) {
    throw_error(base::ErrorCode::kInvalidFile, place_of(*stages),
                "stages are written [[stage]], in double brackets");
  }
  for (const toml::value& value : stages->as_array()) {
    StageSettings stage = defaults;
    stage.name = stage_name(value);
    read_stage(reader, value, "stage." + stage.name, fmt::format("stage \"{}\":", stage.name),
               stage);
    stage.sample.stage = stage.name;
    recipe.stages.push_back(stage);
  }
}

void check_sections(const toml::value& root) {
  constexpr std::string_view kSections[] = {"run", "model", "indexer", "data", "defaults", "stage"};
  for (const auto& [name, value] : root.as_table()) {
    if (std::ranges::find(kSections, name) == std::end(kSections)) {
      const std::string place = place_of(value);
      throw_error(code_for(place), place, "there is no section \"{}\"; there are: {}", name,
                  fmt::join(kSections, ", "));
    }
  }
}

Recipe read_recipe(std::string_view text, const std::string& path,
                   const std::vector<std::string>& overrides, KeyPlaces& places) {
  toml::value root = parse_toml(text, path);
  for (const std::string& override_text : overrides) {
    apply_override(root, override_text);
  }
  check_sections(root);
  Recipe recipe;
  recipe.path = path;
  Reader reader(places);
  if (const toml::value* value = find_value(root, "run")) {
    reader.read(*value, "run", "[run]", run_keys(), recipe.run);
  }
  if (const toml::value* value = find_value(root, "model")) {
    reader.read(*value, "model", "[model]", model_keys(), recipe.model, {"rope_scaling"});
    if (const toml::value* scaling = find_value(*value, "rope_scaling")) {
      reader.read(*scaling, "model.rope_scaling", "[model.rope_scaling]", rope_scaling_keys(),
                  recipe.model.rope_scaling);
    }
  }
  if (const toml::value* value = find_value(root, "indexer")) {
    reader.read(*value, "indexer", "[indexer]", indexer_keys(), recipe.indexer);
  }
  if (const toml::value* value = find_value(root, "data")) {
    reader.read(*value, "data", "[data]", data_keys(), recipe.data);
  }
  read_stages(reader, root, recipe);
  check_recipe(recipe, places);
  return recipe;
}

}  // namespace

Recipe parse_recipe(std::string_view text, const std::string& path,
                    const std::vector<std::string>& overrides) {
  KeyPlaces places;
  Recipe recipe = read_recipe(text, path, overrides, places);
  check_idle_keys(recipe, places);
  return recipe;
}

Recipe parse_stored_recipe(std::string_view text, const std::string& path) {
  KeyPlaces places;
  return read_recipe(text, path, {}, places);
}

Recipe load_recipe(const std::string& path, const std::vector<std::string>& overrides) {
  return parse_recipe(base::read_file(path, kMaxRecipeBytes), path, overrides);
}

}  // namespace levin::train::recipe
