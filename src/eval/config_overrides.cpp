#include "eval/config_overrides.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"

namespace levin::eval {
namespace {

using base::ErrorCode;
using nlohmann::json;

std::string_view type_description(const json& value) {
  if (value.is_number_integer()) {
    return "an integer";
  }
  if (value.is_number()) {
    return "a number";
  }
  if (value.is_boolean()) {
    return "true or false";
  }
  if (value.is_string()) {
    return "text";
  }
  return value.is_array() ? "a list" : "an object or null";
}

bool has_matching_type(const json& old_value, const json& new_value) {
  if (old_value.is_null()) {
    return true;
  }
  if (old_value.is_number_integer()) {
    return new_value.is_number_integer();
  }
  if (old_value.is_number()) {
    return new_value.is_number();
  }
  return old_value.type() == new_value.type() || (old_value.is_object() && new_value.is_null());
}

/// The value at a dotted key. Throws Error(kInvalidArgument) if it is not there.
json& find_key(json& config, const std::string& dotted) {
  json* value = &config;
  for (size_t begin = 0; begin <= dotted.size();) {
    const size_t end = std::min(dotted.find('.', begin), dotted.size());
    const std::string part = dotted.substr(begin, end - begin);
    if (!value->is_object() || !value->contains(part)) {
      base::throw_error(ErrorCode::kInvalidArgument, "--set " + dotted,
                        "the config has no such key; nested keys are written with a dot, as in "
                        "rope_scaling.factor");
    }
    value = &(*value)[part];
    begin = end + 1;
  }
  return *value;
}

void set_key(json& config, const std::string& key, json value, std::vector<ConfigChange>& changes) {
  const std::string before = config.contains(key) ? config[key].dump() : "none";
  if (before != value.dump()) {
    changes.push_back({key, before, value.dump()});
    config[key] = std::move(value);
  }
}

}  // namespace

void apply_override(json& config, const std::string& assignment,
                    std::vector<ConfigChange>& changes) {
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    base::throw_error(ErrorCode::kInvalidArgument, "--set " + assignment, "wanted key=value");
  }
  const std::string key = assignment.substr(0, equals);
  const std::string text = assignment.substr(equals + 1);
  json& old_value = find_key(config, key);
  json new_value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (new_value.is_discarded()) {
    new_value = text;  // bare words need no quotes
  }
  if (!has_matching_type(old_value, new_value)) {
    base::throw_error(ErrorCode::kInvalidArgument, "--set " + key, "wanted {}, got {}",
                      type_description(old_value), text);
  }
  changes.push_back({key, old_value.dump(), new_value.dump()});
  old_value = std::move(new_value);
}

void describe_weights(json& config, SynthDType dtype, std::vector<ConfigChange>& changes) {
  constexpr const char* kQuantization = "quantization_config";
  if (dtype == SynthDType::kBf16 && config.contains(kQuantization)) {
    changes.push_back({kQuantization, config[kQuantization].dump(), "none"});
    config.erase(kQuantization);
  } else if (dtype == SynthDType::kFp8 && !config.contains(kQuantization)) {
    set_key(config, kQuantization,
            {{"activation_scheme", "dynamic"},
             {"fmt", "e4m3"},
             {"quant_method", "fp8"},
             {"weight_block_size", {128, 128}}},
            changes);
  }
  if (config.contains("num_nextn_predict_layers")) {
    set_key(config, "num_nextn_predict_layers", 0, changes);
  }
}

}  // namespace levin::eval
