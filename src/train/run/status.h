// What a run folder tells about its run.
#pragma once

#include <string>

namespace levin::train::run {

/// Draws the run's curves into `folder`/curves and returns a table of its stages, its checkpoints
/// and the charts. The run may be going on meanwhile.
/// Throws Error(kNotFound) if `folder` is no run folder, Error(kInvalidFile | kIo).
std::string report_status(const std::string& folder);

}  // namespace levin::train::run
