// Rotary embedding of the queries of a chunk at the real shape, in every table; ref is the scalar
// loop.
//   rows_bench --benchmark_repetitions=5
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>

#include "base/thread_pool.h"
#include "kernels/rows.h"
#include "tensor/buffer.h"

namespace levin::kernels {
namespace {

constexpr int64_t kTokens = 64;
constexpr int64_t kHeads = 128;
constexpr int64_t kHeadDim = 192;
constexpr int64_t kPairs = 32;

void rope(benchmark::State& state, const OpTable& table, RopeLayout layout) {
  base::ThreadPool pool(1);
  Context ctx(pool, table);
  tensor::Tensor<float, 3> q({kTokens, kHeads, kHeadDim});
  tensor::Tensor<float, 2> cos({kTokens, kPairs});
  tensor::Tensor<float, 2> sin({kTokens, kPairs});
  for (int64_t i = 0; i < q.view().size(); ++i) {
    q.data()[i] = static_cast<float>(i % 17) - 8.0F;
  }
  for (int64_t i = 0; i < kTokens * kPairs; ++i) {
    cos.data()[i] = std::cos(static_cast<float>(i));
    sin.data()[i] = std::sin(static_cast<float>(i));
  }
  for (auto _ : state) {
    apply_rope(ctx, q.view().columns(kHeadDim - 2 * kPairs, 2 * kPairs), {cos.view(), sin.view()},
               layout);
    benchmark::ClobberMemory();
  }
  state.counters["s_per_row"] =
      benchmark::Counter(static_cast<double>(kTokens * kHeads * state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

const bool kRegistered = [] {
  const TableList tables = supported_tables();
  for (int i = 0; i < tables.count; ++i) {
    const OpTable& table = *tables.tables[i];
    for (const auto layout : {RopeLayout::kInterleaved, RopeLayout::kHalves}) {
      benchmark::RegisterBenchmark(
          fmt::format("apply_rope/{}/threads:1/{}/tokens:{}/heads:{}/rope_dim:{}", table.name,
                      layout == RopeLayout::kInterleaved ? "interleaved" : "halves", kTokens,
                      kHeads, 2 * kPairs)
              .c_str(),
          [&table, layout](benchmark::State& state) { rope(state, table, layout); })
          ->Unit(benchmark::kMicrosecond);
    }
  }
  return true;
}();

}  // namespace
}  // namespace levin::kernels
