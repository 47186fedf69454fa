// The indexer warm-up for any dense checkpoint, one layer at a time.
#pragma once

#include <cstdint>
#include <string>

#include "base/cancel.h"
#include "train/run/progress.h"
#include "train/run/run_folder.h"

namespace levin::train::run {

struct SparsifyOptions {
  std::string model_dir;
  std::string data;  ///< see SparsifyRows
  std::string out;   ///< made; must not be there
  StartMode mode = StartMode::kFresh;
  int64_t steps = 200;
  int64_t row_tokens = 2048;
  double lr = 5e-3;
  int64_t seed = 1;
  int64_t index_n_heads = 64;
  int64_t index_head_dim = 128;
  int64_t index_topk = 2048;
};

/// Writes `out`: the checkpoint's own tensors, untouched, and a trained indexer for every layer,
/// with a config.json of the sparse architecture. The base is frozen, so a layer's target depends
/// on that layer's input alone: the hidden states of all rows lie in files in `out`.sparsify-part
/// and stream through one layer after the other; no more than one layer is in memory.
/// A layer is on the disk, in that folder, as soon as it is trained; kResume goes on behind it, to
/// the same bits on one thread. Before the first step memory and disk are estimated
/// (sparsify_needs) and said. Throws Error(kUnsupported) for a model without sparse form,
/// Error(kInvalidArgument) if `out` is there or the folder is of another command line,
/// Error(kOutOfMemory), Error(kIo), Error(kCancelled) after the running step.
/// Source: DeepSeek-V3.2-Exp report, 2.1, eq. (3).
void sparsify_checkpoint(const SparsifyOptions& options, const base::CancelToken& cancel,
                         Progress& progress);

}  // namespace levin::train::run
