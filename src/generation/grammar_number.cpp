#include "generation/grammar_number.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>
#include <vector>

namespace levin::generation {
namespace {

using Fragment = GrammarBuilder::Fragment;

constexpr int kMaxExponent = 100;
constexpr int kMaxWholeDigits = 18;
constexpr int kMaxDigits = 15;  // of a number with digits behind the point
constexpr int kMaxFractionDigits = 6;

/// Numbers from `low` up and to `high`, without signs.
struct Magnitudes {
  Decimal low;  // zero: no bound
  bool excludes_low = false;
  std::optional<Decimal> high;
  bool excludes_high = false;
  bool is_integer = false;
  int64_t multiple = 1;      // of 10^-multiple_digits
  int multiple_digits = -1;  // -1: no multiple_of
};

char digit_at(const std::string& digits, size_t idx) {
  return idx < digits.size() ? digits[idx] : '0';
}

/// True if `fraction` has only zeros from digit `idx` on.
bool is_zero_from(const std::string& fraction, int idx) {
  return fraction.find_first_not_of('0', static_cast<size_t>(idx)) == std::string::npos;
}

/// Builds the automaton for numbers without sign. Its states know how many digits are to come
/// before the point or have come behind it, whether all digits so far equal those of a bound, and
/// the remainder.
class MagnitudeAutomaton {
 public:
  MagnitudeAutomaton(GrammarBuilder& builder, const Magnitudes& range)
      : builder_(builder), range_(range), whole_(builder.nothing()) {}

  Fragment build() {
    const int longest = range_.is_integer ? kMaxWholeDigits : kMaxDigits;
    for (int length = 1; length <= longest; ++length) {
      add_numbers_of(length);
    }
    return whole_;
  }

 private:
  struct Place {
    int to_come = 0;           // digits before the point; 0: behind the last one
    int fraction_digits = -1;  // that have come; -1: no point yet
    int max_fraction_digits = 0;
    bool at_low = false;
    bool at_high = false;
    int64_t remainder = 0;

    bool operator<(const Place& other) const { return key() < other.key(); }
    [[nodiscard]] std::tuple<int, int, int, bool, bool, int64_t> key() const {
      return {to_come, fraction_digits, max_fraction_digits, at_low, at_high, remainder};
    }
  };

  void add_numbers_of(int length) {
    const int low_length = static_cast<int>(range_.low.whole.size());
    const int high_length = range_.high ? static_cast<int>(range_.high->whole.size()) : length + 1;
    if (length < low_length || length > high_length) {
      return;
    }
    Place first;
    first.to_come = length;
    first.max_fraction_digits = fraction_limit(length);
    first.at_low = length == low_length;
    first.at_high = length == high_length;
    for (char digit = length == 1 ? '0' : '1'; digit <= '9'; ++digit) {
      add_digit(whole_.begin, first, digit);
    }
    drain();
  }

  [[nodiscard]] int fraction_limit(int whole_length) const {
    if (range_.is_integer) {
      return 0;
    }
    const int wanted = range_.multiple_digits >= 0 ? range_.multiple_digits : kMaxFractionDigits;
    return std::clamp(kMaxDigits - whole_length, 0, wanted);
  }

  /// The place after one more digit; nothing if that leaves the bounds.
  [[nodiscard]] std::optional<Place> after_digit(const Place& place, char digit) const {
    const bool is_fraction = place.fraction_digits >= 0;
    const auto bound_digit = [&](const Decimal& bound) {
      return is_fraction ? digit_at(bound.fraction, static_cast<size_t>(place.fraction_digits))
                         : bound.whole[bound.whole.size() - static_cast<size_t>(place.to_come)];
    };
    Place next = place;
    if (place.at_low) {
      if (digit < bound_digit(range_.low)) {
        return std::nullopt;
      }
      next.at_low = digit == bound_digit(range_.low);
    }
    if (place.at_high) {
      if (digit > bound_digit(*range_.high)) {
        return std::nullopt;
      }
      next.at_high = digit == bound_digit(*range_.high);
    }
    next.remainder = (place.remainder * 10 + (digit - '0')) % range_.multiple;
    (is_fraction ? next.fraction_digits : next.to_come) += is_fraction ? 1 : -1;
    return next;
  }

  void add_digit(int32_t from, const Place& place, char digit) {
    if (const auto next = after_digit(place, digit)) {
      const auto symbol = static_cast<uint8_t>(digit);
      builder_.add_edge(from, symbol, symbol, state_of(*next));
    }
  }

  int32_t state_of(const Place& place) {
    const auto known = states_.find(place);
    if (known != states_.end()) {
      return known->second;
    }
    const int32_t state = builder_.add_state();
    states_.emplace(place, state);
    work_.emplace_back(place, state);
    return state;
  }

  void drain() {
    while (!work_.empty()) {
      const auto [place, state] = work_.back();
      work_.pop_back();
      builder_.charge(20);
      if (may_end(place)) {
        builder_.add_empty_edge(state, whole_.end);
      }
      if (place.to_come == 0 && place.fraction_digits < 0 && place.max_fraction_digits > 0) {
        Place behind_point = place;
        behind_point.fraction_digits = 0;
        builder_.add_edge(state, '.', '.', state_of(behind_point));
      }
      const bool takes_digit =
          place.to_come > 0 ||
          (place.fraction_digits >= 0 && place.fraction_digits < place.max_fraction_digits);
      for (char digit = '0'; takes_digit && digit <= '9'; ++digit) {
        add_digit(state, place, digit);
      }
    }
  }

  [[nodiscard]] bool may_end(const Place& place) const {
    if (place.to_come > 0 || place.fraction_digits == 0) {
      return false;
    }
    const int fraction_digits = std::max(place.fraction_digits, 0);
    if (place.at_low &&
        (!is_zero_from(range_.low.fraction, fraction_digits) || range_.excludes_low)) {
      return false;
    }
    if (place.at_high && range_.excludes_high &&
        is_zero_from(range_.high->fraction, fraction_digits)) {
      return false;
    }
    int64_t remainder = place.remainder;
    for (int digit = fraction_digits; digit < range_.multiple_digits; ++digit) {
      remainder = remainder * 10 % range_.multiple;
    }
    return remainder == 0;
  }

  GrammarBuilder& builder_;
  const Magnitudes& range_;
  Fragment whole_;
  std::map<Place, int32_t> states_;
  std::vector<std::pair<Place, int32_t>> work_;
};

/// The part of the bounds on one side of zero, or nothing if no number is there.
std::optional<Magnitudes> magnitudes(const NumberBounds& bounds, bool is_negative) {
  // Towards zero and away from it: low and high, mirrored for negative numbers.
  const auto& inner = is_negative ? bounds.high : bounds.low;
  const auto& outer = is_negative ? bounds.low : bounds.high;
  Magnitudes range;
  range.excludes_low = is_negative;  // no "-0"
  if (inner && !inner->is_zero() && inner->is_negative == is_negative) {
    range.low = *inner;
    range.excludes_low = is_negative ? bounds.excludes_high : bounds.excludes_low;
  } else if (inner && inner->is_zero()) {
    range.excludes_low = is_negative || bounds.excludes_low;
  }
  if (outer && !outer->is_zero() && outer->is_negative != is_negative) {
    return std::nullopt;
  }
  if (outer) {
    if (outer->is_zero() && is_negative) {
      return std::nullopt;
    }
    range.high = outer;
    range.excludes_high = is_negative ? bounds.excludes_low : bounds.excludes_high;
  }
  range.is_integer = bounds.is_integer;
  if (bounds.multiple_of) {
    const std::string digits = bounds.multiple_of->whole + bounds.multiple_of->fraction;
    (void)std::from_chars(digits.data(), digits.data() + digits.size(), range.multiple);
    range.multiple_digits = static_cast<int>(bounds.multiple_of->fraction.size());
  }
  return range;
}

}  // namespace

std::optional<Decimal> parse_decimal(std::string_view text) {
  Decimal made;
  if (text.starts_with('-')) {
    made.is_negative = true;
    text.remove_prefix(1);
  }
  int exponent = 0;
  const size_t mark = text.find_first_of("eE");
  if (mark != std::string_view::npos) {
    std::string_view digits = text.substr(mark + 1);
    digits.remove_prefix(digits.starts_with('+') ? 1 : 0);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (error != std::errc() || exponent < -kMaxExponent || exponent > kMaxExponent) {
      return std::nullopt;
    }
    text = text.substr(0, mark);
  }
  const size_t point = std::min(text.find('.'), text.size());
  std::string digits = std::string(text.substr(0, point));
  digits += text.substr(std::min(point + 1, text.size()));
  int64_t whole_digits = static_cast<int64_t>(point) + exponent;
  if (whole_digits < 0) {
    digits.insert(0, static_cast<size_t>(-whole_digits), '0');
    whole_digits = 0;
  }
  digits.resize(std::max(digits.size(), static_cast<size_t>(whole_digits)), '0');
  made.whole = digits.substr(0, static_cast<size_t>(whole_digits));
  made.fraction = digits.substr(static_cast<size_t>(whole_digits));
  made.whole.erase(0, std::min(made.whole.find_first_not_of('0'), made.whole.size()));
  made.whole = made.whole.empty() ? "0" : made.whole;
  made.fraction.erase(made.fraction.find_last_not_of('0') + 1);
  made.is_negative = made.is_negative && !made.is_zero();
  return made;
}

Fragment number_within(GrammarBuilder& builder, const NumberBounds& bounds) {
  std::vector<Fragment> ways;
  if (const auto range = magnitudes(bounds, false)) {
    ways.push_back(MagnitudeAutomaton(builder, *range).build());
  }
  if (const auto range = magnitudes(bounds, true)) {
    ways.push_back(
        builder.sequence({builder.literal("-"), MagnitudeAutomaton(builder, *range).build()}));
  }
  return builder.choice(ways);
}

}  // namespace levin::generation
