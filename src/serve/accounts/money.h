// Amounts of money as exact integers of 10^-12 US dollars.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace levin::serve::accounts {

/// An amount in units of 10^-12 USD ("picodollars"): one token at 0.028 USD per million costs
/// 28,000 of them, so no such price is ever rounded. The range is +-9.2 million USD.
class Money {
 public:
  constexpr Money() = default;

  [[nodiscard]] static constexpr Money from_picousd(int64_t picousd) { return Money(picousd); }
  /// Reads "12", "0.28" or "0.000000000001": digits, at most 12 of them after the point, no sign
  /// and no exponent. Throws Error(kInvalidArgument) saying what is wrong with `text`.
  [[nodiscard]] static Money parse_usd(std::string_view text);

  [[nodiscard]] constexpr int64_t picousd() const { return picousd_; }
  /// Exact, with at least two digits after the point and no further zeros: "110.00", "0.0000028".
  [[nodiscard]] std::string to_usd() const;

  /// Throws Error(kInvalidArgument) beyond the range.
  [[nodiscard]] Money operator+(Money other) const;
  /// Throws Error(kInvalidArgument) beyond the range.
  [[nodiscard]] Money operator-(Money other) const;
  /// Throws Error(kInvalidArgument) beyond the range.
  [[nodiscard]] Money operator*(int64_t factor) const;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 mistakes the defaulted comparison
  constexpr auto operator<=>(const Money&) const = default;

 private:
  explicit constexpr Money(int64_t picousd) : picousd_(picousd) {}

  int64_t picousd_ = 0;
};

}  // namespace levin::serve::accounts
