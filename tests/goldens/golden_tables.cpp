// Prints how the forward pass compares with DeepSeek's official code (tests/data/golden/README.md)
// as two Markdown tables, from the comparisons that the tests make. Exits 1 if a bound is missed.
//
//   levin_golden_tables
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "model/golden_case.h"
#include "model/golden_comparison.h"
#include "model/golden_layers.h"

namespace levin::model::testing {
namespace {

constexpr int kThreads = 2;

/// One way to cut a sequence into steps.
struct Cut {
  const char* name;
  int64_t chunk_tokens;  // 0: the whole prefill
  bool has_mate;         // another sequence is decoded in the same steps
};

constexpr Cut kCuts[] = {
    {"1", 1, false},   {"7", 7, false},       {"64", 64, false},
    {"all", 0, false}, {"7, mixed", 7, true}, {"all, mixed", 0, true},
};

/// "112 of 112", or "–" where there is nothing to compare.
std::string equal_of(const DecisionCount& count) {
  return count.compared == 0
             ? "–"
             : fmt::format("{} of {}", count.compared - count.differing, count.compared);
}

/// "1.2e-05", or "–" where there is nothing to compare.
std::string largest_of(int64_t rows, float difference) {
  return rows == 0 ? "–" : fmt::format("{:.1e}", difference);
}

/// One row of the reference table; whether it holds.
bool print_reference_row(const GoldenCase& golden, const kernels::OpTable& table, const Cut& cut) {
  const std::vector<int32_t> mate(golden.tokens.rbegin(), golden.tokens.rend());
  RunOptions options;
  options.table = &table;
  options.threads = kThreads;
  options.forward.numerics = Numerics::kReference;
  options.chunk_tokens = cut.chunk_tokens;
  options.wants_trace = true;
  if (cut.has_mate) {
    options.batch_mate = mate;
    options.mate_chunk_tokens = 1;
    options.mate_comes_first = true;
  }
  const GoldenComparison comparison = compare_with_golden(golden, run(golden, options));
  const bool holds = reproduces(golden, comparison);
  fmt::print("| {} | {} | {} | {:.1e} | {:.0e} | {} | {} | {} | {:.1e} | {} |\n", golden.name,
             table.name, cut.name, comparison.logits, golden.logits_max_abs,
             largest_of(comparison.score_rows, comparison.index_scores),
             equal_of(comparison.selections), equal_of(comparison.experts),
             comparison.router_weights, holds ? "yes" : "NO");
  std::fflush(stdout);
  return holds;
}

bool print_reference_table(const std::vector<GoldenCase>& cases) {
  const kernels::TableList tables = kernels::supported_tables();
  fmt::print(
      "Reference numerics against the official code, every position, {} threads:\n\n"
      "| case | ISA | chunk | max abs Δlogit | bound | max abs Δindex score | sets equal | experts "
      "equal | max abs Δrouter weight | held |\n"
      "|---|---|---|---:|---:|---:|---:|---:|---:|---|\n",
      kThreads);
  bool holds = true;
  for (const GoldenCase& golden : cases) {
    for (int i = 0; i < tables.count; ++i) {
      for (const Cut& cut : kCuts) {
        holds = print_reference_row(golden, *tables.tables[i], cut) && holds;
      }
    }
  }
  return holds;
}

bool print_fast_table(const std::vector<GoldenCase>& cases) {
  const kernels::TableList tables = kernels::supported_tables();
  fmt::print(
      "\nFast numerics layer by layer, each layer fed with the golden hidden state, selection and "
      "experts (relative L2 distance of its output; bound to the float32 function {:.0f} %):\n\n"
      "| case | ISA | layer | fast to float32 function | fast to golden run | function to golden "
      "run | held |\n"
      "|---|---|---:|---:|---:|---:|---|\n",
      100.0 * kFastLayerBound);
  bool holds = true;
  for (const GoldenCase& golden : cases) {
    const FastLayerYardstick yardstick(golden);
    for (int i = 0; i < tables.count; ++i) {
      for (const FastLayerError& layer : yardstick.measure(*tables.tables[i])) {
        fmt::print("| {} | {} | {} | {:.2f} % | {:.2f} % | {:.2f} % | {} |\n", golden.name,
                   tables.tables[i]->name, layer.layer_idx, 100.0 * layer.to_exact,
                   100.0 * layer.to_golden, 100.0 * layer.exact_to_golden,
                   layer.is_within_bounds() ? "yes" : "NO");
        holds = layer.is_within_bounds() && holds;
      }
    }
  }
  return holds;
}

int run_tables() {
  base::ThreadPool pool(kThreads);
  std::vector<GoldenCase> cases;
  for (const std::string& name : all_case_names()) {
    cases.push_back(load_case(name, pool));
  }
  const bool reference_holds = print_reference_table(cases);
  const bool fast_holds = print_fast_table(cases);
  return reference_holds && fast_holds ? 0 : 1;
}

}  // namespace
}  // namespace levin::model::testing

int main() {
  try {
    return levin::model::testing::run_tables();
  } catch (const std::exception& error) {
    fmt::print(stderr, "levin_golden_tables: {}\n", error.what());
    return 1;
  }
}
