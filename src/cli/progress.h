// How far long work has come, on stderr.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace levin::cli {

/// "1234", "56.7k", "671.0B": a count in the units that people use for parameters.
[[nodiscard]] std::string format_count(int64_t count);

enum class ProgressUnit { kTokens, kBytes, kQuestions };

/// A bar with rate and remaining time where stderr is a terminal; elsewhere a plain line every ten
/// seconds. The bar is wiped when the work ends.
class Progress {
 public:
  Progress(std::string label, ProgressUnit unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of `total`; work that was done before the start (cached) is `skipped`.
  void update(int64_t done, int64_t total, int64_t skipped = 0);
  /// Words behind the figures from the next update on; empty: none.
  void set_note(std::string note) { note_ = std::move(note); }
  /// Wipes the bar.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] std::string describe(int64_t done, int64_t total, int64_t skipped) const;

  std::string label_;
  std::string note_;
  ProgressUnit unit_;
  bool is_terminal_;
  bool is_drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_output_ = start_;
};

}  // namespace levin::cli
