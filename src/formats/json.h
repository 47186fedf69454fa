// Strict JSON for files: one value, valid UTF-8, no duplicate keys, bounded depth and size.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace levin::formats {

/// What a hostile file may cost: nesting, and values (numbers, strings, objects, ...) in total.
struct JsonLimits {
  int64_t depth = 64;
  int64_t values = 4'000'000;
};

/// Parses one JSON value (RFC 8259). Throws Error(kInvalidFile) with `where`, line and column for
/// ill-formed UTF-8, a byte order mark, any syntax error, a key that occurs twice in one object, or
/// an exceeded limit.
nlohmann::json parse_json(std::string_view text, const std::string& where,
                          const JsonLimits& limits = {});

}  // namespace levin::formats
