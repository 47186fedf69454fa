// A second, independent reading of JSON Schema: does a value fit?
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace levin::generation {

/// Empty if `value` fits `schema`, else what is wrong, with a path. Knows the keywords that
/// json_schema.h supports. `root` is where references begin.
std::string misfit(const nlohmann::json& value, const nlohmann::json& schema,
                   const nlohmann::json& root);

/// The same of JSON text, which must be one valid document.
std::string misfit_of_text(const std::string& text, const nlohmann::json& schema);

}  // namespace levin::generation
