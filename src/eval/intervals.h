// 95% intervals of shares, of differences between paired shares, and of paired means.
#pragma once

#include <cstdint>
#include <span>

namespace levin::eval {

/// A value with the interval that covers it in 95% of repetitions.
struct Estimate {
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;
};

/// `right` of `total`; Wilson's score interval. Zeros to ones without a total: {0, 0, 1}.
/// Source: Wilson, J. Am. Stat. Assoc. 22 (1927); Newcombe, Stat. Med. 17 (1998) 857, method 3.
[[nodiscard]] Estimate wilson(int64_t right, int64_t total);

/// The same questions answered twice, counted by who was right.
struct PairedCounts {
  int64_t both = 0;
  int64_t first_only = 0;
  int64_t second_only = 0;
  int64_t neither = 0;

  void add(bool is_first_right, bool is_second_right) noexcept;
  [[nodiscard]] int64_t total() const noexcept { return both + first_only + second_only + neither; }
};

/// Share of the first minus share of the second; score interval for paired data. It keeps a width
/// where all pairs agree. {0, -1, 1} without pairs.
/// Source: Newcombe, Stat. Med. 17 (1998) 2635, method 10.
[[nodiscard]] Estimate paired_difference(const PairedCounts& counts);

/// Mean of independent samples; Student's interval. One sample has the interval of all numbers;
/// zeros without samples.
[[nodiscard]] Estimate mean_of(std::span<const double> samples);

}  // namespace levin::eval
