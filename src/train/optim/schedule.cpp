#include "train/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace levin::train::optim {
namespace {

void check(const Schedule& schedule) {
  const auto require = [](bool holds, const char* field, const char* wanted, double got) {
    if (!holds) {
      base::throw_error(base::ErrorCode::kInvalidArgument, "schedule", "{} is {}, it must be {}",
                        field, got, wanted);
    }
  };
  require(schedule.steps >= 1, "steps", "at least 1", static_cast<double>(schedule.steps));
  require(schedule.warmup_steps >= 0, "warmup_steps", "0 or more",
          static_cast<double>(schedule.warmup_steps));
  require(schedule.decay_share >= 0 && schedule.decay_share <= 1, "decay_share", "from 0 to 1",
          schedule.decay_share);
  require(schedule.floor >= 0 && schedule.floor <= 1, "floor", "from 0 to 1", schedule.floor);
}

}  // namespace

double schedule_factor(const Schedule& schedule, int64_t step) {
  check(schedule);
  const auto now = static_cast<double>(step);
  const auto steps = static_cast<double>(schedule.steps);
  const double warmup =
      step < schedule.warmup_steps ? (now + 1) / static_cast<double>(schedule.warmup_steps) : 1;
  const double length = schedule.decay_share * steps;
  const double left = length > 0 ? std::clamp((steps - now) / length, 0.0, 1.0) : 1;
  double height = 1;  // of the curve between the floor and 1
  if (schedule.decay == Decay::kLinear) height = left;
  if (schedule.decay == Decay::kCosine) height = 0.5 - 0.5 * std::cos(std::numbers::pi * left);
  return warmup * (schedule.floor + (1 - schedule.floor) * height);
}

}  // namespace levin::train::optim
