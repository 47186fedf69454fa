// What must hold between config.json and the tensors of a folder. Private to weights*.cpp.
#pragma once

#include "formats/checkpoint_files.h"
#include "model/config.h"
#include "model/weights.h"

namespace levin::model {

/// Checks checkpoint.md 2.4 and 2.8, steps 5 and 6: every expected tensor has its shape and an
/// accepted dtype, FP8 weights and block scales come in pairs, scales are finite and positive, and
/// the indexer is there exactly if the config says so. Unexpected tensors get a warning (router
/// biases among them are used all the same), MTP layers one log line. Throws Error(kInvalidFile)
/// that lists the first problems with their files, Error(kUnsupported) for needs_fp8_groups.
void check_checkpoint(const formats::CheckpointFiles& files, const Config& config,
                      const LoadOptions& options);

}  // namespace levin::model
