// What the kernels can compute, asked of a configuration before any weight is read.
#pragma once

#include <string>

#include "model/config.h"
#include "model/forward.h"

namespace levin::model {

/// Throws Error(kUnsupported), naming the keys of config.json, their values and the limit, if a
/// step of such a model would exceed what the kernels hold in local memory: index_head_dim and the
/// index queries (unless attention is dense), keys and values of attention under fast numerics, the
/// inputs of a matrix. Throws Error(kInvalidArgument) for sparse attention without an indexer.
/// `where` names the file.
void check_limits(const Config& config, const ForwardOptions& options, const std::string& where);

}  // namespace levin::model
