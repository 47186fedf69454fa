#include "cli/checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/utf8.h"

namespace levin::cli {
namespace {

/// The whole of `text` as a decimal number; invalid_argument if it is anything else,
/// result_out_of_range if it does not fit.
template <typename T>
std::errc parse_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return end == text.data() + text.size() ? error : std::errc::invalid_argument;
}

std::string refusal(const std::string& wanted, const std::string& got) {
  return fmt::format("{} expected, got \"{}\"", wanted, got);
}

std::string describe_range(int64_t min, int64_t max) {
  return max == std::numeric_limits<int64_t>::max()
             ? fmt::format("a whole number from {} up", min)
             : fmt::format("a whole number from {} to {}", min, max);
}

}  // namespace

CLI::Validator whole_number(int64_t min, int64_t max) {
  const auto check = [min, max](std::string& text) -> std::string {
    int64_t value = 0;
    // CLI11 reads numbers with leading zeros as octal ones: only the usual spelling is let through.
    const std::errc error = parse_number(text, value);
    if (error == std::errc::result_out_of_range) {
      return refusal(fmt::format("a whole number from {} to {}", min, max), text);
    }
    const bool is_fine =
        error == std::errc() && std::to_string(value) == text && value >= min && value <= max;
    return is_fine ? std::string() : refusal(describe_range(min, max), text);
  };
  return {check, ""};
}

CLI::Validator real_number(std::string wanted, bool (*is_allowed)(double value)) {
  const auto check = [wanted = std::move(wanted), is_allowed](std::string& text) -> std::string {
    double value = 0.0;
    const bool is_fine =
        parse_number(text, value) == std::errc() && std::isfinite(value) && is_allowed(value);
    return is_fine ? std::string() : refusal(wanted, text);
  };
  return {check, ""};
}

CLI::Validator one_of(std::vector<std::string> words) {
  const auto check = [words = std::move(words)](std::string& text) -> std::string {
    const bool is_fine = std::ranges::find(words, text) != words.end();
    return is_fine ? std::string()
                   : refusal(fmt::format("one of {}", fmt::join(words, ", ")), text);
  };
  return {check, ""};
}

CLI::Validator text_not_empty() {
  const auto check = [](std::string& text) -> std::string {
    if (text.empty()) {
      return "is empty; give some text";
    }
    return base::is_valid_utf8(text) ? std::string() : "is not valid UTF-8";
  };
  return {check, ""};
}

}  // namespace levin::cli
