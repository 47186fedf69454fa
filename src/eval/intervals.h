// 95% intervals of shares, of differences between paired shares, and of paired means.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace levin::eval {

/// A value with the interval that covers it in 95% of repetitions.
struct Estimate {
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;
};

/// `right` of `total`; Wilson's score interval. Zeros to ones without a total: {0, 0, 1}. An effect
/// above 1 widens it to that of total / effect independent questions.
/// Source: Wilson, J. Am. Stat. Assoc. 22 (1927); Newcombe, Stat. Med. 17 (1998) 857, method 3;
/// effective sample size: Rao and Scott, Biometrics 48 (1992) 577.
[[nodiscard]] Estimate wilson(int64_t right, int64_t total, double effect = 1.0);

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
/// where all pairs agree. {0, -1, 1} without pairs. `effect` as of wilson.
/// Source: Newcombe, Stat. Med. 17 (1998) 2635, method 10.
[[nodiscard]] Estimate paired_difference(const PairedCounts& counts, double effect = 1.0);

/// How much questions about one document are alike: the variance of the mean over documents drawn
/// at random, as a multiple of that over independent questions. At least 1; 1 where nothing
/// varies, and with a single document, which tells nothing of others.
/// Source: Kish, Survey Sampling (1965) 5.4 and 8.2.
[[nodiscard]] double design_effect(std::span<const std::vector<double>> documents);

/// Mean of independent samples; Student's interval. One sample has the interval of all numbers;
/// zeros without samples.
[[nodiscard]] Estimate mean_of(std::span<const double> samples);

}  // namespace levin::eval
