// What benchmarks of single kernels share: contexts of every instruction set on one thread and on
// all, the ceiling that each is held against, and the main function.
#pragma once

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/ceilings.h"
#include "kernels/context.h"

namespace levin::kernels {

struct Bench {
  Context& ctx;
  double gflop_per_s;  // ceiling
};

/// The rate of a case whose run takes `operations`, and its share of the ceiling.
inline void report(benchmark::State& state, double operations, const Bench& bench) {
  using benchmark::Counter;
  const double gflop = operations * 1e-9 * static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = Counter(gflop, Counter::kIsRate);
  state.counters["of_dot_ceiling"] = Counter(gflop / bench.gflop_per_s, Counter::kIsRate);
}

template <typename Run>
void add_case(const std::string& name, const Bench& bench, const Run& run) {
  auto* registered = benchmark::RegisterBenchmark(
      name.c_str(), [bench, run](benchmark::State& state) { run(state, bench); });
  registered->Unit(benchmark::kMillisecond);
  if (bench.ctx.pool().thread_count() > 1) {
    registered->UseRealTime();  // one thread: its CPU time, which other programs disturb less
  }
}

/// The main function of a program whose cases `add_cases` adds.
inline int run_kernel_bench(int argc, char** argv, void (*add_cases)(const Bench& bench)) {
  benchmark::Initialize(&argc, argv);
  base::ThreadPool one_thread(1);
  base::ThreadPool all_threads;
  const TableList list = supported_tables();
  std::vector<std::unique_ptr<Context>> contexts;
  for (int i = list.count - 1; i > 0; --i) {  // ref is the definition, not a speed
    for (base::ThreadPool* pool : {&one_thread, &all_threads}) {
      contexts.push_back(std::make_unique<Context>(*pool, *list.tables[i]));
      const double bf16_gflop_per_s = measure_bf16_gflop_per_s(*contexts.back());
      fmt::print("{}: {:.0f} GFLOP/s on {} threads\n", list.tables[i]->name, bf16_gflop_per_s,
                 pool->thread_count());
      add_cases({*contexts.back(), bf16_gflop_per_s});
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace levin::kernels
