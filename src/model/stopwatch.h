// Where the time of a step goes: two reads of the clock a part of a layer, and none unless asked.
#pragma once

#include <chrono>

#include "model/step.h"

namespace levin::model {

/// Adds the time of its life to `seconds` if the model's options ask for it.
class Stopwatch {
 public:
  Stopwatch(const ModelContext& model, double& seconds)
      : seconds_(model.options.measures_time ? &seconds : nullptr) {
    if (seconds_ != nullptr) {
      start_ = Clock::now();
    }
  }
  ~Stopwatch() {
    if (seconds_ != nullptr) {
      *seconds_ += std::chrono::duration<double>(Clock::now() - start_).count();
    }
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  using Clock = std::chrono::steady_clock;

  double* seconds_;
  Clock::time_point start_;
};

}  // namespace levin::model
