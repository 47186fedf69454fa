#include "serve/accounts/money.h"

#include <algorithm>

#include "base/error.h"

namespace levin::serve::accounts {
namespace {

constexpr uint64_t kPicousdPerUsd = 1'000'000'000'000;
constexpr size_t kFractionDigits = 12;
constexpr size_t kShownFractionDigits = 2;

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

[[noreturn]] void throw_out_of_range() {
  throw base::Error(base::ErrorCode::kInvalidArgument,
                    "an amount of money beyond 9.2 million USD cannot be counted exactly");
}

[[noreturn]] void throw_unreadable(std::string_view text) {
  base::throw_error(base::ErrorCode::kInvalidArgument, {},
                    "\"{}\" is no amount in USD; write digits with at most 12 after the point, "
                    "such as 0.28",
                    text.substr(0, 64));
}

}  // namespace

Money Money::parse_usd(std::string_view text) {
  const size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view fraction =
      point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  const bool ends_in_point = point != std::string_view::npos && fraction.empty();
  if (whole.empty() || ends_in_point || fraction.size() > kFractionDigits ||
      !std::all_of(whole.begin(), whole.end(), is_digit) ||
      !std::all_of(fraction.begin(), fraction.end(), is_digit)) {
    throw_unreadable(text);
  }
  std::string digits = std::string(whole) + std::string(fraction);
  digits.append(kFractionDigits - fraction.size(), '0');
  int64_t picousd = 0;
  for (const char digit : digits) {
    if (__builtin_mul_overflow(picousd, 10, &picousd) ||
        __builtin_add_overflow(picousd, digit - '0', &picousd)) {
      throw_out_of_range();
    }
  }
  return Money(picousd);
}

std::string Money::to_usd() const {
  const bool is_negative = picousd_ < 0;
  const uint64_t magnitude =
      is_negative ? 0 - static_cast<uint64_t>(picousd_) : static_cast<uint64_t>(picousd_);
  std::string fraction = fmt::format("{:012}", magnitude % kPicousdPerUsd);
  while (fraction.size() > kShownFractionDigits && fraction.back() == '0') {
    fraction.pop_back();
  }
  return fmt::format("{}{}.{}", is_negative ? "-" : "", magnitude / kPicousdPerUsd, fraction);
}

Money Money::operator+(Money other) const {
  int64_t sum = 0;
  if (__builtin_add_overflow(picousd_, other.picousd_, &sum)) {
    throw_out_of_range();
  }
  return Money(sum);
}

Money Money::operator-(Money other) const {
  int64_t difference = 0;
  if (__builtin_sub_overflow(picousd_, other.picousd_, &difference)) {
    throw_out_of_range();
  }
  return Money(difference);
}

Money Money::operator*(int64_t factor) const {
  int64_t product = 0;
  if (__builtin_mul_overflow(picousd_, factor, &product)) {
    throw_out_of_range();
  }
  return Money(product);
}

}  // namespace levin::serve::accounts
