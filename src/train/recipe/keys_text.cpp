#include <fmt/format.h>

#include <type_traits>

#include "train/recipe/keys.h"

namespace levin::train::recipe {
namespace {

template <typename Struct>
std::string bounds_text(const Key<Struct>& key, std::string_view what) {
  return fmt::format("{} from {:.10g} to {:.10g}", what, key.min, key.max);
}

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + "\"";
}

/// A float that TOML reads as one, with the fewest digits that give the same bits.
template <typename Float>
std::string float_text(Float value) {
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

template <typename Struct>
void describe_section(std::vector<KeyDescription>& out, const std::string& section,
                      const std::vector<Key<Struct>>& keys) {
  for (const Key<Struct>& key : keys) {
    out.push_back({section, std::string(key.name), allowed_text(key), value_text(key, Struct{}),
                   std::string(key.meaning)});
  }
}

}  // namespace

template <typename Struct>
std::string allowed_text(const Key<Struct>& key) {
  return std::visit(
      [&](const auto& place) -> std::string {
        using Place = std::remove_cvref_t<decltype(place)>;
        if constexpr (std::is_same_v<Place, int64_t Struct::*> ||
                      std::is_same_v<Place, int32_t Struct::*>) {
          return bounds_text(key, "a whole number");
        } else if constexpr (std::is_same_v<Place, double Struct::*> ||
                             std::is_same_v<Place, float Struct::*>) {
          return bounds_text(key, "a number");
        } else if constexpr (std::is_same_v<Place, bool Struct::*>) {
          return "true or false";
        } else if constexpr (std::is_same_v<Place, std::string Struct::*>) {
          return "a string";
        } else {
          return fmt::format("one of {}", fmt::join(place.choices, ", "));
        }
      },
      key.place);
}

template <typename Struct>
std::string value_text(const Key<Struct>& key, const Struct& values) {
  return std::visit(
      [&](const auto& place) -> std::string {
        using Place = std::remove_cvref_t<decltype(place)>;
        if constexpr (std::is_same_v<Place, ChoiceAccess<Struct>>) {
          return toml_string(place.choices.at(place.get(values)));
        } else if constexpr (std::is_same_v<Place, std::string Struct::*>) {
          return toml_string(values.*place);
        } else if constexpr (std::is_same_v<Place, double Struct::*> ||
                             std::is_same_v<Place, float Struct::*>) {
          return float_text(values.*place);
        } else {
          return fmt::format("{}", values.*place);
        }
      },
      key.place);
}

// The sections that exist.
#define LEVIN_RECIPE_SECTION(Struct)                     \
  template std::string allowed_text(const Key<Struct>&); \
  template std::string value_text(const Key<Struct>&, const Struct&)
LEVIN_RECIPE_SECTION(RunSettings);
LEVIN_RECIPE_SECTION(ModelSettings);
LEVIN_RECIPE_SECTION(RopeScalingSettings);
LEVIN_RECIPE_SECTION(IndexerSettings);
LEVIN_RECIPE_SECTION(DataSettings);
LEVIN_RECIPE_SECTION(StageSettings);
LEVIN_RECIPE_SECTION(data::SampleSpec);
LEVIN_RECIPE_SECTION(data::RoleWeights);
#undef LEVIN_RECIPE_SECTION

std::vector<KeyDescription> describe_keys() {
  std::vector<KeyDescription> all;
  describe_section(all, "[run]", run_keys());
  describe_section(all, "[model]", model_keys());
  describe_section(all, "[model.rope_scaling]", rope_scaling_keys());
  describe_section(all, "[indexer]", indexer_keys());
  describe_section(all, "[data]", data_keys());
  describe_section(all, "[[stage]] and [defaults]", stage_keys());
  describe_section(all, "[stage.sample] and [defaults.sample]", sample_keys());
  describe_section(all, "[stage.sample.weights] and [defaults.sample.weights]", weight_keys());
  return all;
}

std::string keys_markdown() {
  std::string out;
  std::string section;
  for (const KeyDescription& key : describe_keys()) {
    if (key.section != section) {
      section = key.section;
      out += fmt::format("\n**`{}`**\n\n| key | default | allowed | meaning |\n|---|---|---|---|\n",
                         section);
    }
    out +=
        fmt::format("| `{}` | `{}` | {} | {} |\n", key.key, key.preset, key.allowed, key.meaning);
  }
  return out;
}

std::string keys_help() {
  std::string out;
  std::string section;
  for (const KeyDescription& key : describe_keys()) {
    if (key.section != section) {
      section = key.section;
      out += fmt::format("\n{}\n", section);
    }
    out +=
        fmt::format("  {:<34}{} ({}; default {})\n", key.key, key.meaning, key.allowed, key.preset);
  }
  return out;
}

}  // namespace levin::train::recipe
