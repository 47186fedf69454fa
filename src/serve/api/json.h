// JSON as the service writes it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace levin::serve::api {

/// Members keep their order.
using Json = nlohmann::ordered_json;

/// JSON text in UTF-8; what is none becomes U+FFFD.
[[nodiscard]] std::string dump(const Json& json);

}  // namespace levin::serve::api
