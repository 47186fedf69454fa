// Checks of option values. What they refuse becomes one sentence: the option as it is typed, what
// is wanted, and the text that was given.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace levin::cli {

/// A whole number in decimal digits, without leading zeros, from `min` to `max`.
[[nodiscard]] CLI::Validator whole_number(int64_t min, int64_t max);

/// A finite number for which `is_allowed` holds; `wanted` describes it: "a number from 0 up".
[[nodiscard]] CLI::Validator real_number(std::string wanted, bool (*is_allowed)(double value));

/// One of a few words.
[[nodiscard]] CLI::Validator one_of(std::vector<std::string> words);

/// Well-formed UTF-8 that is not empty.
[[nodiscard]] CLI::Validator text_not_empty();

}  // namespace levin::cli
