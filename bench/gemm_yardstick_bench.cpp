// oneDNN's bf16 matrix product on the shapes of linear_bench: the yardstick of our own kernels.
// `plain` takes the weights row-major, as a checkpoint has them; `packed` in the layout that oneDNN
// likes best, reordered once outside the timed loop. oneDNN starts threads of its own.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <dnnl.hpp>
#include <string>
#include <unordered_map>

namespace levin {
namespace {

void fill(const dnnl::memory& memory) {
  auto* values = static_cast<uint16_t*>(memory.get_data_handle());
  std::fill_n(values, memory.get_desc().get_size() / sizeof(uint16_t), uint16_t{0x3C10});  // 0.0088
}

enum class WeightLayout { kPlain, kPacked };

void run_matmul(benchmark::State& state, WeightLayout layout, int64_t m, int64_t rows,
                int64_t cols) {
  using dnnl::memory;
  using Type = memory::data_type;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const memory::desc x_desc({m, cols}, Type::bf16, memory::format_tag::ab);
  const memory::desc w_desc({cols, rows}, Type::bf16, memory::format_tag::ba);
  const memory::desc w_any({cols, rows}, Type::bf16, memory::format_tag::any);
  const memory::desc y_desc({m, rows}, Type::f32, memory::format_tag::ab);
  const dnnl::matmul::desc desc(x_desc, layout == WeightLayout::kPlain ? w_desc : w_any, y_desc);
  const dnnl::matmul::primitive_desc primitive_desc(desc, engine);
  const dnnl::matmul matmul(primitive_desc);
  memory x(x_desc, engine);
  memory plain(w_desc, engine);
  fill(x);
  fill(plain);
  memory weights(primitive_desc.weights_desc(), engine);
  memory y(y_desc, engine);
  dnnl::reorder(plain, weights).execute(stream, plain, weights);
  const std::unordered_map<int, memory> arguments = {
      {DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, y}};
  for (auto _ : state) {
    matmul.execute(stream, arguments);
    stream.wait();
  }
  const double operations = 2.0 * static_cast<double>(m * rows * cols);
  state.counters["GFLOP/s"] = benchmark::Counter(
      operations * 1e-9 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

void add_cases() {
  constexpr int64_t kRows = 2048;
  constexpr int64_t kCols = 7168;
  for (const WeightLayout layout : {WeightLayout::kPlain, WeightLayout::kPacked}) {
    for (const int64_t m : {1, 8, 48, 512}) {
      const std::string name =
          fmt::format("onednn_matmul/bf16/{}/m:{}/rows:{}/cols:{}",
                      layout == WeightLayout::kPlain ? "plain" : "packed", m, kRows, kCols);
      benchmark::RegisterBenchmark(
          name.c_str(),
          [layout, m](benchmark::State& state) { run_matmul(state, layout, m, kRows, kCols); })
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace
}  // namespace levin

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  levin::add_cases();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
