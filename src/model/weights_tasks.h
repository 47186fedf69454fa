// Work over all weights: in parallel, with progress, stopping on request. Private to weights*.cpp.
#pragma once

#include <cstdint>

#include "base/function_ref.h"
#include "base/thread_pool.h"
#include "model/weights.h"

namespace levin::model {

/// Bytes read so far and in total, over all passes of a load, and who wants to know.
struct LoadProgress {
  OnLoadProgress on_progress;
  int64_t done_bytes = 0;
  int64_t total_bytes = 0;
};

/// Runs body(task_idx) for every task and, after each small batch, on_done(task_idx) for its tasks
/// on the calling thread (it returns the bytes to count as done), then reports progress.
/// Throws Error(kCancelled) between batches, and whatever a task throws.
void run_load_tasks(base::ThreadPool& pool, int64_t tasks, const LoadOptions& options,
                    LoadProgress& progress, base::FunctionRef<void(int64_t task_idx)> body,
                    base::FunctionRef<int64_t(int64_t task_idx)> on_done);

}  // namespace levin::model
