// The learning rate over a stage.
#pragma once

#include <cstdint>

namespace levin::train::optim {

enum class Decay { kNone, kLinear, kCosine };

/// A warm-up, a plateau, a decay.
struct Schedule {
  int64_t steps = 1;         ///< of the stage
  int64_t warmup_steps = 0;  ///< the factor climbs linearly over them: 1/n, 2/n, ... 1
  Decay decay = Decay::kNone;
  double decay_share = 0.4;  ///< of `steps`, at the end
  double floor = 0.1;        ///< the factor that the decay ends at, reached at `steps`
};

/// What every base rate is multiplied by in step `step`, counted from 0: a pure function, so that a
/// resumed run goes on exactly. Throws Error(kInvalidArgument) on a schedule that makes no sense.
double schedule_factor(const Schedule& schedule, int64_t step);

}  // namespace levin::train::optim
