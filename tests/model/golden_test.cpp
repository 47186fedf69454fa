// `--numerics reference` computes what DeepSeek's official code computes, decision by decision.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "model/golden_case.h"
#include "model/golden_comparison.h"

namespace levin::model::testing {
namespace {

struct Param {
  std::string name;
  int64_t chunk_tokens;  // 0: the whole prefill
};

class GoldenTest : public ::testing::TestWithParam<Param> {
 protected:
  base::ThreadPool pool_{1};
  GoldenCase golden_ = load_case(GetParam().name, pool_);

  RunOptions options(const kernels::OpTable* table) const {
    RunOptions options;
    options.table = table;
    options.threads = 2;
    options.forward.numerics = Numerics::kReference;
    options.chunk_tokens = GetParam().chunk_tokens;
    options.wants_trace = true;
    return options;
  }

  void expect_reproduces(const GoldenComparison& comparison) const {
    EXPECT_LE(comparison.logits, golden_.logits_max_abs);
    EXPECT_GE(comparison.typical_rows_fraction, golden_.typical_rows_fraction);
    EXPECT_LE(comparison.hidden, golden_.logits_max_abs);
    EXPECT_LE(comparison.router_weights, golden_.logits_max_abs);
    EXPECT_EQ(comparison.selections.differing, 0);
    EXPECT_EQ(comparison.experts.differing, 0);
    EXPECT_EQ(comparison.selections.compared > 0, golden_.config.is_sparse());
    EXPECT_GT(comparison.experts.compared, 0);
    EXPECT_TRUE(reproduces(golden_, comparison));
  }
};

class GoldenReference : public GoldenTest {};
class GoldenMixed : public GoldenTest {};

TEST_P(GoldenReference, ReproducesLogitsScoresSelectionsAndExperts) {
  const kernels::TableList tables = kernels::supported_tables();
  for (int i = 0; i < tables.count; ++i) {
    SCOPED_TRACE(tables.tables[i]->name);
    const GoldenComparison comparison =
        compare_with_golden(golden_, run(golden_, options(tables.tables[i])));
    expect_reproduces(comparison);
    const int64_t layers = golden_.config.num_hidden_layers;
    EXPECT_EQ(comparison.score_rows,
              golden_.config.is_sparse() ? layers * golden_.token_count() : 0);
    EXPECT_LE(comparison.index_scores, kIndexScoreTolerance);
  }
}

/// Beside a sequence in the same phase, and behind the rows of one that is decoded meanwhile.
TEST_P(GoldenMixed, IsTheSameBesideAnotherSequence) {
  const std::vector<int32_t> mate(golden_.tokens.rbegin(), golden_.tokens.rend());
  const kernels::TableList tables = kernels::supported_tables();
  for (int i = 0; i < tables.count; ++i) {
    SCOPED_TRACE(tables.tables[i]->name);
    const RunOptions alone = options(tables.tables[i]);
    const auto want = run(golden_, alone).logits;
    RunOptions mixed = alone;
    mixed.batch_mate = mate;
    const RunResult beside = run(golden_, mixed);
    EXPECT_EQ(beside.logits, want);
    expect_reproduces(compare_with_golden(golden_, beside));
    mixed.mate_chunk_tokens = 1;
    mixed.mate_comes_first = true;
    const RunResult behind = run(golden_, mixed);
    EXPECT_EQ(behind.logits, want);
    expect_reproduces(compare_with_golden(golden_, behind));
  }
}

std::vector<Param> params(const std::vector<int64_t>& chunks) {
  std::vector<Param> params;
  for (const std::string& name : all_case_names()) {
    for (const int64_t chunk : chunks) {
      params.push_back({name, chunk});
    }
  }
  return params;
}

std::string param_name(const ::testing::TestParamInfo<Param>& info) {
  std::string name =
      info.param.name + "_chunk_" +
      (info.param.chunk_tokens == 0 ? "all" : fmt::to_string(info.param.chunk_tokens));
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenReference, ::testing::ValuesIn(params({0, 1, 7, 64})),
                         param_name);
INSTANTIATE_TEST_SUITE_P(Cases, GoldenMixed, ::testing::ValuesIn(params({0, 1, 7, 64})),
                         param_name);

/// The FP8 cases were run once more without the FP8 latent cache.
TEST(GoldenKvExact, ReproducesTheRunWithoutAnFp8LatentCache) {
  base::ThreadPool pool(1);
  for (const std::string name : {"v32-fp8", "v32-fp8-ue8m0"}) {
    const GoldenCase golden = load_case(name, pool);
    RunOptions options;
    const kernels::TableList tables = kernels::supported_tables();
    options.table = tables.tables[tables.count - 1];
    options.forward.numerics = Numerics::kReference;
    options.forward.fp8_latent = false;
    const RunResult result = run(golden, options);
    const auto want =
        golden_rows(golden, "golden-kv-exact.safetensors", "prefill_logits", "decode_logits");
    for (int64_t row = 0; row < golden.prefill_tokens; ++row) {
      const auto idx = static_cast<size_t>(row);
      EXPECT_LE(max_abs_difference(result.logits[idx], want[idx]), golden.logits_max_abs)
          << name << " row " << row;
    }
    // Decode rows were not kept away from ties: in v32-fp8 an independent float64 model departs in
    // 6 of 16 by up to 1.6, and where a row departs the rows behind it may follow.
    const int64_t allowed = name == std::string("v32-fp8") ? 8 : 0;
    int64_t departed = 0;
    for (size_t row = static_cast<size_t>(golden.prefill_tokens); row < want.size(); ++row) {
      departed += max_abs_difference(result.logits[row], want[row]) > golden.logits_max_abs ? 1 : 0;
    }
    EXPECT_LE(departed, allowed) << name;
  }
}

}  // namespace
}  // namespace levin::model::testing
