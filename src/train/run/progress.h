// How far a run has come, on stderr: a bar on a terminal, else a line now and then.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "train/run/metrics.h"

namespace levin::train::run {

/// "120/400, 2m 10s left, text 4.812, value 0.913, 3120 tokens/s": what a narrow window cuts off
/// stands last; `seconds_left` below 0 is left out.
std::string describe_step(const StepMetrics& metrics, int64_t stage_steps, double seconds_left);

class Progress {
 public:
  /// A silent one shows nothing: of several ranks one reports.
  explicit Progress(bool is_silent = false);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// After a step of a stage of at most `stage_steps` steps.
  void update(const StepMetrics& metrics, int64_t stage_steps);
  /// A line that stays, above the bar.
  void note(const std::string& line);

 private:
  using Clock = std::chrono::steady_clock;

  void wipe();

  bool is_silent_;
  bool is_terminal_;
  bool is_drawn_ = false;
  Clock::time_point last_output_;
  std::string stage_;
  Clock::time_point stage_start_;
  int64_t stage_start_step_ = 0;
};

}  // namespace levin::train::run
