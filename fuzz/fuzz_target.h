// What every fuzz target expects of a parser: an answer, or one Error that is not a bug of ours.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "base/log.h"

namespace levin::fuzz {

/// Runs `parse`; an Error other than kInternal is a fine answer, anything else ends the process.
template <typename Parse>
void expect_answer_or_error(Parse&& parse) {
  base::set_log_level(base::LogLevel::kOff);
  try {
    parse();
  } catch (const base::Error& error) {
    if (error.code() == base::ErrorCode::kInternal) {
      throw;
    }
  }
}

/// A property of every accepted input; libFuzzer reports the abort with the input.
inline void require(bool holds, const char* property) {
  if (!holds) {
    std::fprintf(stderr, "accepted an input for which this is false: %s\n", property);
    std::abort();
  }
}

inline std::string_view as_text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace levin::fuzz
