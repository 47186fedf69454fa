// `--numerics reference` computes what DeepSeek's official code computes, decision by decision.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "model/golden_case.h"

namespace levin::model::testing {
namespace {

struct Param {
  std::string name;
  int64_t chunk_tokens;  // 0: the whole prefill
};

class GoldenReference : public ::testing::TestWithParam<Param> {
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
};

/// Largest difference over all rows; how many rows stay within the typical tolerance.
struct LogitComparison {
  float max_abs = 0.0F;
  double typical_fraction = 0.0;
};

LogitComparison compare_logits(const GoldenCase& golden, const std::vector<std::vector<float>>& got,
                               const std::vector<std::vector<float>>& want) {
  LogitComparison comparison;
  int64_t typical_rows = 0;
  for (size_t row = 0; row < want.size(); ++row) {
    const float difference = max_abs_difference(got[row], want[row]);
    comparison.max_abs = std::max(comparison.max_abs, difference);
    typical_rows += difference <= golden.logits_typical_abs ? 1 : 0;
  }
  comparison.typical_fraction =
      static_cast<double>(typical_rows) / static_cast<double>(want.size());
  return comparison;
}

int64_t differing_selections(const GoldenCase& golden, const RunResult& result, size_t layer) {
  const std::string prefix = fmt::format("layer.{}.", layer);
  const auto masks =
      golden_rows(golden, "golden.safetensors", prefix + "topk_mask", prefix + "decode_topk_mask");
  const auto safe = golden_integers(golden, "golden.safetensors", prefix + "topk_safe");
  int64_t differing = 0;
  for (size_t row = 0; row < masks.size(); ++row) {
    std::vector<int32_t> want;
    for (size_t pos = 0; pos < masks[row].size(); ++pos) {
      if (masks[row][pos] != 0.0F) {
        want.push_back(static_cast<int32_t>(pos));
      }
    }
    differing += safe[row] != 0 && want != result.layers[layer].selected[row] ? 1 : 0;
  }
  return differing;
}

int64_t differing_experts(const GoldenCase& golden, const RunResult& result, size_t layer) {
  const std::string prefix = fmt::format("layer.{}.", layer);
  const auto ids = golden_integers(golden, "golden.safetensors", prefix + "router_ids");
  const auto safe = golden_integers(golden, "golden.safetensors", prefix + "router_safe");
  const auto per_token = static_cast<size_t>(golden.config.num_experts_per_tok);
  int64_t differing = 0;
  for (size_t row = 0; row < golden.tokens.size(); ++row) {
    const std::vector<int32_t>& got = result.layers[layer].router_ids[row];
    const auto begin = ids.begin() + static_cast<int64_t>(row * per_token);
    const std::set<int64_t> want(begin, begin + static_cast<int64_t>(per_token));
    differing += safe[row] != 0 && std::set<int64_t>(got.begin(), got.end()) != want ? 1 : 0;
  }
  return differing;
}

float index_score_difference(const GoldenCase& golden, const RunResult& result, size_t layer) {
  const std::string prefix = fmt::format("layer.{}.", layer);
  const auto want = golden_rows(golden, "golden.safetensors", prefix + "index_scores",
                                prefix + "decode_index_scores");
  float largest = 0.0F;
  for (size_t row = 0; row < want.size(); ++row) {
    const std::span<const float> visible(want[row].data(), row + 1);
    largest =
        std::max(largest, max_abs_difference(result.layers[layer].index_scores[row], visible));
  }
  return largest;
}

float hidden_difference(const GoldenCase& golden, const RunResult& result, size_t layer) {
  const std::string prefix = fmt::format("layer.{}.", layer);
  const auto want =
      golden_rows(golden, "golden.safetensors", prefix + "hidden", prefix + "decode_hidden");
  float largest = 0.0F;
  for (size_t row = 0; row < want.size(); ++row) {
    largest = std::max(largest, max_abs_difference(result.layers[layer].hidden[row], want[row]));
  }
  return largest;
}

TEST_P(GoldenReference, ReproducesLogitsScoresSelectionsAndExperts) {
  const kernels::TableList tables = kernels::supported_tables();
  for (int i = 0; i < tables.count; ++i) {
    const RunResult result = run(golden_, options(tables.tables[i]));
    const auto want = golden_rows(golden_, "golden.safetensors", "prefill_logits", "decode_logits");
    const LogitComparison logits = compare_logits(golden_, result.logits, want);
    int64_t selections = 0;
    int64_t experts = 0;
    float scores = 0.0F;
    float hidden = 0.0F;
    for (size_t layer = 0; layer < result.layers.size(); ++layer) {
      hidden = std::max(hidden, hidden_difference(golden_, result, layer));
      if (golden_.config.is_sparse()) {
        selections += differing_selections(golden_, result, layer);
        scores = std::max(scores, index_score_difference(golden_, result, layer));
      }
      if (golden_.config.is_moe_layer(static_cast<int64_t>(layer))) {
        experts += differing_experts(golden_, result, layer);
      }
    }
    fmt::print(
        "| {:14} | {:6} | chunk {:>3} | max |dlogit| {:.1e} | max |dscore| {:.1e} | sets {} | "
        "experts {} |\n",
        golden_.name, tables.tables[i]->name,
        GetParam().chunk_tokens == 0 ? "all" : fmt::to_string(GetParam().chunk_tokens),
        logits.max_abs, scores, selections == 0 ? "equal" : "DIFFER",
        experts == 0 ? "equal" : "DIFFER");
    EXPECT_LE(logits.max_abs, golden_.logits_max_abs);
    EXPECT_GE(logits.typical_fraction, golden_.typical_rows_fraction);
    EXPECT_LE(hidden, golden_.logits_max_abs);
    EXPECT_LE(scores, 1e-3F);
    EXPECT_EQ(selections, 0);
    EXPECT_EQ(experts, 0);
  }
}

TEST_P(GoldenReference, IsTheSameBesideAnotherSequence) {
  const kernels::TableList tables = kernels::supported_tables();
  RunOptions alone = options(tables.tables[tables.count - 1]);
  alone.wants_trace = false;
  const RunResult want = run(golden_, alone);
  std::vector<int32_t> mate(golden_.tokens.rbegin(), golden_.tokens.rend());
  RunOptions mixed = alone;
  mixed.batch_mate = mate;
  EXPECT_EQ(run(golden_, mixed).logits, want.logits);
}

std::vector<Param> params() {
  std::vector<Param> params;
  for (const std::string& name : all_case_names()) {
    for (const int64_t chunk : {0, 1, 7, 64}) {
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

INSTANTIATE_TEST_SUITE_P(Cases, GoldenReference, ::testing::ValuesIn(params()), param_name);

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
