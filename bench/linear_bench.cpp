// Products with weight matrices of the 685B shape, on all cores.
//
// m:1 reads each of `matrices` different matrices once, so that all of them come from memory; its
// share is of the read bandwidth. Larger m is held against the rate of the dot product instruction.
// Both ceilings are measured at the start (kernels/ceilings.h).
//   linear_bench --benchmark_filter=avx512 --benchmark_repetitions=5
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "kernels/ceilings.h"
#include "kernels/linear.h"
#include "tensor/buffer.h"

namespace levin::kernels {
namespace {

using tensor::WeightFormat;

struct Case {
  const OpTable* table;
  WeightFormat format;
  int64_t m;
  int64_t rows;
  int64_t cols;
  int64_t matrices;
};

/// Matrices of one shape with random bytes and scales of about 1/64.
class RandomWeights {
 public:
  explicit RandomWeights(const Case& shape) {
    const int64_t scale_cols = (shape.cols + 127) / 128;
    const int64_t group_cols = (shape.cols + 63) / 64;
    block_scales_.assign(static_cast<size_t>((shape.rows + 127) / 128 * scale_cols), 0x1.1p-6F);
    group_scales_.assign(static_cast<size_t>(shape.rows * group_cols), base::to_f16(0x1.1p-6F));
    tensor::WeightMatrix matrix{.format = shape.format, .rows = shape.rows, .cols = shape.cols};
    const int64_t bytes = shape.rows * matrix.row_bytes();
    data_ = tensor::Buffer(shape.matrices * bytes);
    auto* words = reinterpret_cast<uint64_t*>(data_.data());
    for (int64_t i = 0; i < data_.size_bytes() / 8; ++i) {
      // As E4M3, int8 or bf16: no NaN and nothing huge.
      words[i] = base::random_bits(1, static_cast<uint64_t>(i)) & 0xBFBFBFBFBFBFBFBFULL;
    }
    matrix.block_scales = reinterpret_cast<const std::byte*>(block_scales_.data());
    matrix.scale_cols = scale_cols;
    matrix.group_scales = group_scales_.data();
    for (int64_t i = 0; i < shape.matrices; ++i) {
      matrix.data = data_.data() + i * bytes;
      matrices.push_back(matrix);
    }
  }

  std::vector<tensor::WeightMatrix> matrices;

 private:
  tensor::Buffer data_;
  std::vector<float> block_scales_;
  std::vector<base::F16> group_scales_;
};

/// What the machine does at best with the threads of a case.
struct Ceilings {
  double read_gb_per_s;
  double bf16_gflop_per_s;
};

void run_linear(benchmark::State& state, const Case& shape, const Ceilings& ceilings,
                base::ThreadPool& pool) {
  Context ctx(pool, *shape.table);
  const RandomWeights weights(shape);
  tensor::Tensor<float, 2> x({shape.m, shape.cols});
  tensor::Tensor<float, 2> y({shape.m, shape.rows});
  for (int64_t i = 0; i < shape.m * shape.cols; ++i) {
    x.data()[i] = static_cast<float>(base::random_uniform(2, static_cast<uint64_t>(i))) - 0.5F;
  }
  for (auto _ : state) {
    for (const tensor::WeightMatrix& matrix : weights.matrices) {
      linear(ctx, x.view(), matrix, y.view());
    }
  }
  const auto runs = static_cast<double>(state.iterations() * shape.matrices);
  using benchmark::Counter;
  if (shape.m == 1) {
    const double bytes = static_cast<double>(weights.matrices[0].read_bytes()) * runs;
    state.counters["GB/s"] = Counter(bytes * 1e-9, Counter::kIsRate);
    state.counters["of_read_ceiling"] =
        Counter(bytes * 1e-9 / ceilings.read_gb_per_s, Counter::kIsRate);
  } else {
    const double operations = 2.0 * static_cast<double>(shape.m * shape.rows * shape.cols) * runs;
    state.counters["GFLOP/s"] = Counter(operations * 1e-9, Counter::kIsRate);
    state.counters["of_dot_ceiling"] =
        Counter(operations * 1e-9 / ceilings.bf16_gflop_per_s, Counter::kIsRate);
  }
}

void add_cases(const OpTable& table, base::ThreadPool& pool) {
  Context ctx(pool, table);
  const Ceilings ceilings{measure_read_gb_per_s(ctx), measure_bf16_gflop_per_s(ctx)};
  fmt::print("{}: reads {:.1f} GB/s, multiplies {:.0f} GFLOP/s on {} threads\n", table.name,
             ceilings.read_gb_per_s, ceilings.bf16_gflop_per_s, pool.thread_count());
  for (const WeightFormat format :
       {WeightFormat::kFp8Block, WeightFormat::kInt8Group, WeightFormat::kBf16}) {
    for (const int64_t m : {1, 2, 4, 8, 16, 48, 512}) {
      const Case shape{&table, format, m, 2048, 7168, m < 48 ? 60 : 4};
      const std::string name =
          fmt::format("linear/{}/{}/m:{}/rows:{}/cols:{}/matrices:{}", table.name,
                      format_name(format), shape.m, shape.rows, shape.cols, shape.matrices);
      benchmark::RegisterBenchmark(name.c_str(),
                                   [shape, ceilings, &pool](benchmark::State& state) {
                                     run_linear(state, shape, ceilings, pool);
                                   })
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace
}  // namespace levin::kernels

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  levin::base::ThreadPool pool;
  const levin::kernels::TableList list = levin::kernels::supported_tables();
  for (int i = list.count - 1; i >= 0; --i) {
    levin::kernels::add_cases(*list.tables[i], pool);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
