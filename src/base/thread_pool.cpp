#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.h"

namespace levin::base {
namespace {

using Body = FunctionRef<void(int64_t, int)>;
using Clock = std::chrono::steady_clock;

// Workers spin this long for the next loop before they sleep on a futex. Longer spins collapse
// when another program shares the cores.
constexpr auto kSpin = std::chrono::microseconds(50);

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    return std::max(1, CPU_COUNT(&set));
  }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void pause_cpu() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Waits until `value` differs from `old`: spins first, then sleeps.
template <typename T>
void wait_for_change(const std::atomic<T>& value, T old) noexcept {
  const auto deadline = Clock::now() + kSpin;
  while (value.load(std::memory_order_acquire) == old) {
    for (int i = 0; i < 32 && value.load(std::memory_order_relaxed) == old; ++i) {
      pause_cpu();
    }
    if (Clock::now() > deadline) {
      value.wait(old, std::memory_order_acquire);
    }
  }
}

}  // namespace

struct ThreadPool::State {
  std::atomic<uint32_t> generation{0};  // bumped once a loop starts (or the pool ends)
  std::atomic<int> busy{0};             // workers that have not finished the current loop
  std::atomic<int64_t> next_task{0};
  int64_t tasks = 0;
  const Body* body = nullptr;
  bool stopping = false;
  std::mutex error_mutex;
  std::exception_ptr error;
  std::vector<std::jthread> workers;
};

ThreadPool::ThreadPool(int threads)
    : thread_count_(threads > 0 ? threads : usable_cores()), state_(std::make_unique<State>()) {
  try {
    for (int thread_idx = 1; thread_idx < thread_count_; ++thread_idx) {
      state_->workers.emplace_back([this, thread_idx] { worker_loop(thread_idx); });
    }
  } catch (const std::system_error& error) {
    const size_t started = state_->workers.size();
    stop_workers();  // they wait for work and would be joined for ever
    throw_error(ErrorCode::kOutOfMemory, "threads", "only {} of {} could be started: {}",
                started + 1, thread_count_, error.what());
  }
}

ThreadPool::~ThreadPool() { stop_workers(); }

void ThreadPool::stop_workers() noexcept {
  state_->stopping = true;
  state_->generation.fetch_add(1, std::memory_order_release);
  state_->generation.notify_all();
  state_->workers.clear();
}

void ThreadPool::run_tasks(int thread_idx) noexcept {
  State& state = *state_;
  for (;;) {
    const int64_t task_idx = state.next_task.fetch_add(1, std::memory_order_relaxed);
    if (task_idx >= state.tasks || is_cancelled()) {
      return;
    }
    try {
      (*state.body)(task_idx, thread_idx);
    } catch (...) {
      const std::lock_guard lock(state.error_mutex);
      if (!state.error) {
        state.error = std::current_exception();
      }
    }
  }
}

void ThreadPool::worker_loop(int thread_idx) {
  State& state = *state_;
  uint32_t seen = 0;
  for (;;) {
    wait_for_change(state.generation, seen);
    ++seen;
    if (state.stopping) {
      return;
    }
    run_tasks(thread_idx);
    if (state.busy.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      state.busy.notify_one();
    }
  }
}

void ThreadPool::parallel_for(int64_t tasks, Body body) {
  if (tasks <= 0) {
    return;
  }
  State& state = *state_;
  if (thread_count_ == 1 || tasks == 1) {
    for (int64_t task_idx = 0; task_idx < tasks && !is_cancelled(); ++task_idx) {
      body(task_idx, 0);
    }
    throw_if_cancelled();
    return;
  }
  state.body = &body;
  state.tasks = tasks;
  state.error = nullptr;
  state.next_task.store(0, std::memory_order_relaxed);
  state.busy.store(thread_count_ - 1, std::memory_order_relaxed);
  state.generation.fetch_add(1, std::memory_order_release);
  state.generation.notify_all();
  run_tasks(0);
  for (int busy = state.busy.load(std::memory_order_acquire); busy != 0;
       busy = state.busy.load(std::memory_order_acquire)) {
    wait_for_change(state.busy, busy);
  }
  if (state.error) {
    std::rethrow_exception(std::exchange(state.error, nullptr));
  }
  throw_if_cancelled();
}

}  // namespace levin::base
