// The one pool of worker threads. Tasks of a loop are handed out dynamically; what a task computes
// must not depend on which thread runs it.
#pragma once

#include <cstdint>
#include <memory>

#include "base/cancel.h"
#include "base/function_ref.h"

namespace levin::base {

class ThreadPool {
 public:
  /// `threads` counts the caller too: 1 starts no thread. 0 means one per core of
  /// usable_cores().
  /// Throws Error(kOutOfMemory) if the system refuses a thread.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int thread_count() const noexcept { return thread_count_; }

  /// While `token` is cancelled no further task starts and parallel_for throws Error(kCancelled).
  /// Null: loops run to their end. Not to be changed while a loop runs.
  void set_cancel(const CancelToken* token) noexcept { cancel_ = token; }

  /// Calls body(task_idx, thread_idx) for task_idx in [0, tasks), on the caller (thread_idx 0) and
  /// the workers, and returns when all are done. The first exception of a task is thrown again
  /// here after the others ended. Not re-entrant: a body must not call parallel_for, and one
  /// thread at a time may call it.
  void parallel_for(int64_t tasks, FunctionRef<void(int64_t task_idx, int thread_idx)> body);

 private:
  struct State;
  void worker_loop(int thread_idx);
  void stop_workers() noexcept;
  void run_tasks(uint32_t loop, int thread_idx) noexcept;

  [[nodiscard]] bool is_cancelled() const noexcept {
    return cancel_ != nullptr && cancel_->is_cancelled();
  }
  void throw_if_cancelled() const {
    if (cancel_ != nullptr) {
      cancel_->throw_if_cancelled();
    }
  }

  int thread_count_;
  const CancelToken* cancel_ = nullptr;
  std::unique_ptr<State> state_;
};

}  // namespace levin::base
