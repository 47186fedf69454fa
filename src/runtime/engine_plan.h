// What an engine with given options reads and computes at most, known before there is one.
#pragma once

#include <cstdint>

#include "model/activation_memory.h"
#include "model/config.h"
#include "model/weights.h"
#include "runtime/engine.h"

namespace levin::runtime {

/// How the weights are read: as asked for, and as the numerics need them.
[[nodiscard]] model::LoadOptions load_options(const EngineOptions& options);

/// The largest step in a context of `context_tokens`: a chunk at its end.
/// Throws as model::reads_selection.
[[nodiscard]] model::StepSize largest_step(const model::Config& config,
                                           const EngineOptions& options, int threads,
                                           int64_t context_tokens);

}  // namespace levin::runtime
