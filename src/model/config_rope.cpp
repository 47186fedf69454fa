#include <string>

#include "base/log.h"
#include "model/config_sections.h"

namespace levin::model {
namespace {

using base::ErrorCode;

/// "yarn" or "default", under either of its two keys.
std::string read_rope_type(ConfigFields& fields) {
  const std::string type = fields.string_or("type", "");
  std::string rope_type = fields.string_or("rope_type", type);
  if (!type.empty() && type != rope_type) {
    fields.invalid("rope_type", "the same as type, which is {}", base::quote(type));
  }
  const char* key = fields.has("rope_type") ? "rope_type" : "type";
  if (rope_type.empty()) {
    fields.invalid("type", "\"yarn\" or \"default\"");
  }
  if (rope_type != "yarn" && rope_type != "default") {
    fields.fail(ErrorCode::kUnsupported, key, "\"yarn\" or \"default\"");
  }
  return rope_type;
}

void read_scaling(ConfigFields& fields, RopeScaling& scaling) {
  constexpr double kMaxFactor = 1e6;
  scaling.is_yarn = read_rope_type(fields) == "yarn";
  if (!scaling.is_yarn) {
    return;
  }
  scaling.factor = fields.number("factor", 1.0, kMaxFactor);
  scaling.beta_fast = fields.number_or("beta_fast", 1e-6, kMaxFactor, scaling.beta_fast);
  scaling.beta_slow = fields.number_or("beta_slow", 1e-6, kMaxFactor, scaling.beta_slow);
  if (scaling.beta_slow > scaling.beta_fast) {
    fields.invalid("beta_slow", "at most beta_fast, which is {}", scaling.beta_fast);
  }
  scaling.mscale = fields.number_or("mscale", 0.0, kMaxFactor, scaling.mscale);
  scaling.mscale_all_dim =
      fields.number_or("mscale_all_dim", 0.0, kMaxFactor, scaling.mscale_all_dim);
  scaling.original_max_position_embeddings =
      fields.integer("original_max_position_embeddings", 1, kMaxPositions);
  fields.require("truncate", true);
  if (fields.has("attention_factor")) {
    fields.fail(ErrorCode::kUnsupported, "attention_factor",
                "no such key (mscale_all_dim is used)");
  }
}

void read_theta(ConfigFields& fields, Config& config) {
  config.rope_theta = fields.number("rope_theta", 1.0 + 1e-6, 1e12);
}

}  // namespace

void read_rope(ConfigFields& fields, Config& config) {
  // GLM and recent exports write one object where DeepSeek has a number and an object.
  if (auto parameters = fields.object("rope_parameters")) {
    if (fields.has("rope_scaling")) {
      fields.invalid("rope_scaling", "null beside rope_parameters");
    }
    parameters->ignore({"partial_rotary_factor"});
    read_theta(parameters->has("rope_theta") ? *parameters : fields, config);
    fields.ignore({"rope_theta"});
    read_scaling(*parameters, config.rope_scaling);
    return;
  }
  read_theta(fields, config);
  if (auto scaling = fields.object("rope_scaling")) {
    read_scaling(*scaling, config.rope_scaling);
  }
}

}  // namespace levin::model
