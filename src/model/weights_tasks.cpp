#include "model/weights_tasks.h"

#include <algorithm>

namespace levin::model {

void run_load_tasks(base::ThreadPool& pool, int64_t tasks, const LoadOptions& options,
                    LoadProgress& progress, base::FunctionRef<void(int64_t task_idx)> body,
                    base::FunctionRef<int64_t(int64_t task_idx)> on_done) {
  const int64_t batch = int64_t{8} * pool.thread_count();
  for (int64_t begin = 0; begin < tasks; begin += batch) {
    if (options.cancel != nullptr) {
      options.cancel->throw_if_cancelled();
    }
    const int64_t count = std::min(batch, tasks - begin);
    pool.parallel_for(count, [&](int64_t offset, int /*thread_idx*/) { body(begin + offset); });
    for (int64_t offset = 0; offset < count; ++offset) {
      progress.done_bytes += on_done(begin + offset);
    }
    progress.on_progress(progress.done_bytes, progress.total_bytes);
  }
}

}  // namespace levin::model
