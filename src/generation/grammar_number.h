// JSON numbers within bounds as fragments of a grammar, exact in decimal arithmetic.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "generation/grammar_builder.h"

namespace levin::generation {

/// A number as its decimal digits: -12.5 is {true, "12", "5"}.
struct Decimal {
  bool is_negative = false;
  std::string whole = "0";  ///< without leading zeros, but not empty
  std::string fraction;     ///< without trailing zeros

  [[nodiscard]] bool is_zero() const noexcept { return whole == "0" && fraction.empty(); }
};

/// Reads a JSON number. Nothing if its exponent is beyond 100 either way.
[[nodiscard]] std::optional<Decimal> parse_decimal(std::string_view text);

struct NumberBounds {
  std::optional<Decimal> low;  ///< the number is at least this
  std::optional<Decimal> high;
  bool excludes_low = false;
  bool excludes_high = false;
  std::optional<Decimal> multiple_of;  ///< above zero, at most 9 digits
  bool is_integer = false;
};

/// The numbers within the bounds, written without exponent and without "-0": whole ones with up to
/// 18 digits (a bound with more is never reached), others with up to 15 digits in all, of which up
/// to 6 behind the point (or as many as multiple_of has), so that no two of them are one double.
/// Automata grow with the value of multiple_of: beyond some hundreds the builder's limits end it.
[[nodiscard]] GrammarBuilder::Fragment number_within(GrammarBuilder& builder,
                                                     const NumberBounds& bounds);

}  // namespace levin::generation
