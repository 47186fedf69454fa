// Charts of a run's metrics.
#pragma once

#include <string>
#include <vector>

#include "train/run/metrics.h"

namespace levin::train::run {

struct NamedChart {
  std::string file_name;  ///< "loss.svg"
  std::string svg;
};

/// Charts of what the run has: loss, value accuracy, the indexers' KL by layer, tokens/s; stages of
/// different kinds are lines of their own, over the tokens trained on.
std::vector<NamedChart> draw_curves(const std::vector<StepMetrics>& metrics);

/// draw_curves into `folder`, which is made if it is not there. Returns the paths.
/// Throws Error(kIo).
std::vector<std::string> write_curves(const std::vector<StepMetrics>& metrics,
                                      const std::string& folder);

}  // namespace levin::train::run
