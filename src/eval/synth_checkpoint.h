// Random checkpoints of any shape in the official layout, streamed to disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/function_ref.h"
#include "base/thread_pool.h"
#include "eval/config_overrides.h"

namespace levin::eval {

struct SynthOptions {
  std::string config_path;             ///< a DeepSeek-style config.json
  std::string out_dir;                 ///< made if it is not there
  std::vector<std::string> overrides;  ///< "key=value", see apply_override
  std::optional<SynthDType> dtype;     ///< empty: FP8 if the config declares it, else BF16
  uint64_t seed = 0;
  int64_t shard_bytes = int64_t{4} << 30;
  bool replaces_existing = false;  ///< remove the checkpoint that lies in out_dir
};

struct SynthReport {
  std::vector<ConfigChange> changes;  ///< what differs from the config file
  int64_t files = 0;
  int64_t tensors = 0;
  int64_t parameters = 0;  ///< scales not counted
  int64_t bytes = 0;       ///< of tensor data
};

/// Writes config.json and the weight files (and their index, if there are several). The bytes
/// depend on config, overrides, dtype and seed alone. What a failed or cancelled run wrote is
/// removed again; config.json comes last. `progress` is called with bytes done and in total.
/// Throws Error(kInvalidArgument) for overrides, Error(kInvalidFile | kUnsupported) for the config,
/// Error(kIo) if out_dir cannot be written, holds a checkpoint already or lacks the space.
SynthReport write_synthetic_checkpoint(
    const SynthOptions& options, base::ThreadPool& pool,
    base::FunctionRef<void(int64_t done_bytes, int64_t total_bytes)> progress);

}  // namespace levin::eval
