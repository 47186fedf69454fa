#include "base/thread_pool.h"

#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/usable_cores.h"

namespace levin::base {
namespace {

using Body = FunctionRef<void(int64_t, int)>;
using Clock = std::chrono::steady_clock;

// Workers spin this long for the next loop before they sleep on a futex. Longer spins collapse
// when another program shares the cores.
constexpr auto kSpin = std::chrono::microseconds(50);

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

// A loop ends when its tasks are done, not when every worker has looked at it: a worker that is
// slow to wake must not hold up the others. So it may come to a loop that is over, or to the next
// one, and takes a task only through a ticket that names the loop and counts what is left of it.
// While a task is taken and not done, its loop cannot end and `tasks` and `body` stay as they are.
struct ThreadPool::State {
  std::atomic<uint64_t> ticket{0};     // loop number << 32 | tasks of it that nobody has taken
  std::atomic<uint32_t> loop{0};       // bumped once a loop starts (or the pool ends)
  std::atomic<int64_t> unfinished{0};  // tasks of the current loop
  int64_t tasks = 0;
  const Body* body = nullptr;
  std::atomic<bool> stopping{false};
  std::mutex error_mutex;
  std::exception_ptr error;
  std::vector<std::jthread> workers;

  /// The next task of that loop; -1 if it has none left or is over.
  int64_t take_task(uint32_t of_loop) noexcept {
    uint64_t seen = ticket.load(std::memory_order_relaxed);
    while (static_cast<uint32_t>(seen >> 32) == of_loop && static_cast<uint32_t>(seen) != 0) {
      if (ticket.compare_exchange_weak(seen, seen - 1, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return tasks - static_cast<int64_t>(static_cast<uint32_t>(seen));
      }
    }
    return -1;
  }
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
  state_->stopping.store(true, std::memory_order_relaxed);
  state_->loop.fetch_add(1, std::memory_order_release);
  state_->loop.notify_all();
  state_->workers.clear();
}

void ThreadPool::run_tasks(uint32_t loop, int thread_idx) noexcept {
  State& state = *state_;
  for (int64_t task_idx = state.take_task(loop); task_idx >= 0; task_idx = state.take_task(loop)) {
    try {
      if (!is_cancelled()) {
        (*state.body)(task_idx, thread_idx);
      }
    } catch (...) {
      const std::lock_guard lock(state.error_mutex);
      if (!state.error) {
        state.error = std::current_exception();
      }
    }
    if (state.unfinished.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      state.unfinished.notify_one();
    }
  }
}

void ThreadPool::worker_loop(int thread_idx) {
  State& state = *state_;
  uint32_t seen = 0;
  for (;;) {
    wait_for_change(state.loop, seen);
    seen = state.loop.load(std::memory_order_acquire);
    if (state.stopping.load(std::memory_order_relaxed)) {
      return;
    }
    run_tasks(seen, thread_idx);
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
  LEVIN_CHECK(tasks < int64_t{1} << 31);
  const uint32_t loop = state.loop.load(std::memory_order_relaxed) + 1;
  state.body = &body;
  state.tasks = tasks;
  state.unfinished.store(tasks, std::memory_order_relaxed);
  state.error = nullptr;
  state.ticket.store(uint64_t{loop} << 32 | static_cast<uint64_t>(tasks),
                     std::memory_order_release);
  state.loop.store(loop, std::memory_order_release);
  state.loop.notify_all();
  run_tasks(loop, 0);
  for (int64_t unfinished = state.unfinished.load(std::memory_order_acquire); unfinished != 0;
       unfinished = state.unfinished.load(std::memory_order_acquire)) {
    wait_for_change(state.unfinished, unfinished);
  }
  if (state.error) {
    std::rethrow_exception(std::exchange(state.error, nullptr));
  }
  throw_if_cancelled();
}

}  // namespace levin::base
