#include "kernels/ceilings.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "base/function_ref.h"
#include "tensor/buffer.h"

namespace levin::kernels {
namespace {

constexpr int64_t kTaskBytes = int64_t{4} << 20;
constexpr auto kDotTime = std::chrono::milliseconds(5);
constexpr int64_t kDotSteps = 5000;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double best_of(int repeats, base::FunctionRef<double()> measure) {
  double best = 0.0;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    best = std::max(best, measure());
  }
  return best;
}

}  // namespace

double measure_read_gb_per_s(Context& ctx, int64_t bytes, int repeats) {
  const int64_t tasks = std::max<int64_t>(bytes / kTaskBytes, 1);
  tensor::Buffer buffer(tasks * kTaskBytes);
  constexpr int64_t kTaskFloats = kTaskBytes / static_cast<int64_t>(sizeof(float));
  auto* data = reinterpret_cast<float*>(buffer.data());
  // Pages that were never written are all the same one in the cache.
  ctx.pool().parallel_for(tasks, [&](int64_t task_idx, int /*thread_idx*/) {
    std::fill_n(data + task_idx * kTaskFloats, kTaskFloats, 1.0F);
  });
  std::atomic<float> sink = 0.0F;
  return best_of(repeats, [&] {
    const auto start = Clock::now();
    ctx.pool().parallel_for(tasks, [&](int64_t task_idx, int /*thread_idx*/) {
      sink.store(ctx.table().read_sum(data + task_idx * kTaskFloats, kTaskFloats),
                 std::memory_order_relaxed);
    });
    return static_cast<double>(tasks * kTaskBytes) / seconds_since(start) * 1e-9;
  });
}

double measure_bf16_gflop_per_s(Context& ctx, int repeats) {
  const int threads = ctx.pool().thread_count();
  return best_of(repeats, [&] {
    std::atomic<double> total = 0.0;
    const auto start = Clock::now();
    ctx.pool().parallel_for(threads, [&](int64_t /*task_idx*/, int /*thread_idx*/) {
      double operations = 0.0;
      float sink = 0.0F;
      while (Clock::now() - start < kDotTime) {
        operations += ctx.table().dot_rate_work(kDotSteps, &sink);
      }
      total.fetch_add(operations, std::memory_order_relaxed);
    });
    return total.load() / seconds_since(start) * 1e-9;
  });
}

}  // namespace levin::kernels
