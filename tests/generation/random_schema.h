// Random schemas of all supported kinds.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

namespace levin::generation {

/// The schema of that seed; keys keep their order. Some refer to themselves; every one can be
/// satisfied.
nlohmann::ordered_json random_schema(uint64_t seed);

}  // namespace levin::generation
