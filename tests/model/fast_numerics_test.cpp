// `--numerics fast`: close to the official code layer by layer, and equal bits however a sequence
// is cut into chunks, batched and spread over threads.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "model/golden_case.h"

namespace levin::model::testing {
namespace {

/// What the golden run decided, row by row of the step [first, first + count).
struct GoldenDecisions {
  std::vector<std::vector<std::vector<float>>> hidden;      // [layer][token]
  std::vector<std::vector<std::vector<int32_t>>> selected;  // [layer][token]
  std::vector<std::vector<int64_t>> router_ids;             // [layer][token * per_token]
};

GoldenDecisions load_decisions(const GoldenCase& golden) {
  GoldenDecisions decisions;
  for (int64_t layer = 0; layer < golden.config.num_hidden_layers; ++layer) {
    const std::string prefix = fmt::format("layer.{}.", layer);
    decisions.hidden.push_back(
        golden_rows(golden, "golden.safetensors", prefix + "hidden", prefix + "decode_hidden"));
    auto& selected = decisions.selected.emplace_back();
    if (golden.config.is_sparse()) {
      for (const auto& mask : golden_rows(golden, "golden.safetensors", prefix + "topk_mask",
                                          prefix + "decode_topk_mask")) {
        auto& positions = selected.emplace_back();
        for (size_t pos = 0; pos < mask.size(); ++pos) {
          if (mask[pos] != 0.0F) {
            positions.push_back(static_cast<int32_t>(pos));
          }
        }
      }
    }
    auto& ids = decisions.router_ids.emplace_back();
    if (golden.config.is_moe_layer(layer)) {
      ids = golden_integers(golden, "golden.safetensors", prefix + "router_ids");
    }
  }
  return decisions;
}

/// ForcedDecisions of one step, with the memory they point to.
class ForcedStep {
 public:
  ForcedStep(const GoldenCase& golden, const GoldenDecisions& decisions, size_t first,
             size_t count) {
    const auto per_token = static_cast<size_t>(golden.config.num_experts_per_tok);
    const size_t layers = decisions.hidden.size();
    hidden_.resize(layers);
    ids_.resize(layers);
    for (size_t layer = 0; layer < layers; ++layer) {
      forced_.hidden.emplace_back();
      if (layer > 0) {
        const auto& rows = decisions.hidden[layer - 1];
        for (size_t row = first; row < first + count; ++row) {
          hidden_[layer].insert(hidden_[layer].end(), rows[row].begin(), rows[row].end());
        }
        forced_.hidden.back() = {hidden_[layer].data(),
                                 {static_cast<int64_t>(count), golden.config.hidden_size}};
      }
      if (golden.config.is_sparse()) {
        const auto begin = decisions.selected[layer].begin() + static_cast<int64_t>(first);
        forced_.selected.emplace_back(begin, begin + static_cast<int64_t>(count));
      }
      forced_.router_ids.emplace_back();
      if (!decisions.router_ids[layer].empty()) {
        const auto begin =
            decisions.router_ids[layer].begin() + static_cast<int64_t>(first * per_token);
        ids_[layer].assign(begin, begin + static_cast<int64_t>(count * per_token));
        forced_.router_ids.back() = {
            ids_[layer].data(), {static_cast<int64_t>(count), static_cast<int64_t>(per_token)}};
      }
    }
  }
  [[nodiscard]] const ForcedDecisions& forced() const { return forced_; }

 private:
  ForcedDecisions forced_;
  std::vector<std::vector<float>> hidden_;
  std::vector<std::vector<int32_t>> ids_;
};

/// Hidden state after each layer, [layer][token], every layer fed with the golden hidden state,
/// selection and experts.
using HiddenStates = std::vector<std::vector<std::vector<float>>>;

HiddenStates run_forced(const GoldenCase& golden, const GoldenDecisions& decisions,
                        const kernels::OpTable& table, const ForwardOptions& options) {
  base::ThreadPool pool(2);
  kernels::Context ctx(pool, table);
  Transformer transformer(golden.config, *golden.weights, ctx, options);
  const TestPages pages(transformer.kv_layout(), golden.token_count());
  tensor::Tensor<float, 2> logits;
  HiddenStates hidden(decisions.hidden.size());
  for (int64_t pos = 0; pos < golden.token_count();) {
    const bool is_decode = pos >= golden.prefill_tokens;
    const int64_t count = is_decode ? 1 : golden.prefill_tokens;
    const auto first = static_cast<size_t>(pos);
    const ForcedStep forced(golden, decisions, first, static_cast<size_t>(count));
    const Chunk chunk{.tokens = std::span(golden.tokens).subspan(first, static_cast<size_t>(count)),
                      .first_pos = pos,
                      .is_decode = is_decode,
                      .pages = pages.pages(),
                      .logits = LogitsWanted::kNone};
    Trace trace;
    trace.wants_hidden = true;
    transformer.forward({&chunk, 1}, logits, &trace, &forced.forced());
    for (size_t layer = 0; layer < hidden.size(); ++layer) {
      const auto rows = trace.layers[layer].hidden.view();
      for (int64_t row = 0; row < count; ++row) {
        hidden[layer].emplace_back(rows.row(row), rows.row(row) + rows.extent(1));
      }
    }
    pos += count;
  }
  return hidden;
}

/// |a - b| / |b| over all rows of a layer.
double relative_error(const std::vector<std::vector<float>>& a,
                      const std::vector<std::vector<float>>& b) {
  double error = 0.0;
  double size = 0.0;
  for (size_t row = 0; row < b.size(); ++row) {
    for (size_t i = 0; i < b[row].size(); ++i) {
      const double difference = static_cast<double>(a[row][i]) - b[row][i];
      error += difference * difference;
      size += static_cast<double>(b[row][i]) * b[row][i];
    }
  }
  return std::sqrt(error / size);
}

class FastLayers : public ::testing::TestWithParam<std::string> {};

/// The yardstick is the model's function in float32. For BF16 checkpoints it is the golden run
/// itself. The FP8 goldens also hold the noise of activations rounded to E4M3 (4 to 6 % a layer),
/// which fast numerics leave out: there the yardstick is the reference path without that rounding,
/// and fast numerics must lie no farther from the golden run than it does.
TEST_P(FastLayers, StayWithinTwoPercent) {
  base::ThreadPool pool(2);
  const GoldenCase golden = load_case(GetParam(), pool);
  const GoldenDecisions decisions = load_decisions(golden);
  const kernels::TableList tables = kernels::supported_tables();
  ForwardOptions unrounded;
  unrounded.numerics = Numerics::kReference;
  unrounded.fp8_latent = false;
  unrounded.fp8_activations = false;
  const HiddenStates exact = run_forced(golden, decisions, *tables.tables[0], unrounded);
  for (int i = 0; i < tables.count; ++i) {
    const HiddenStates fast = run_forced(golden, decisions, *tables.tables[i], {});
    for (size_t layer = 0; layer < fast.size(); ++layer) {
      const double error = relative_error(fast[layer], exact[layer]);
      const double to_golden = relative_error(fast[layer], decisions.hidden[layer]);
      const double exact_to_golden = relative_error(exact[layer], decisions.hidden[layer]);
      fmt::print(
          "| {:14} | {:6} | layer {} | error {:.2f} % | to golden {:.2f} % (exact {:.2f} %) |\n",
          golden.name, tables.tables[i]->name, layer, 100.0 * error, 100.0 * to_golden,
          100.0 * exact_to_golden);
      EXPECT_LE(error, 0.02) << tables.tables[i]->name << " layer " << layer;
      EXPECT_LE(to_golden, std::max(0.02, 1.02 * exact_to_golden))
          << tables.tables[i]->name << " layer " << layer;
    }
  }
}

std::string case_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, FastLayers, ::testing::ValuesIn(all_case_names()), case_name);

class FastBits : public ::testing::TestWithParam<std::string> {};

TEST_P(FastBits, DoNotDependOnChunksBatchOrThreads) {
  base::ThreadPool pool(1);
  const GoldenCase golden = load_case(GetParam(), pool);
  const std::vector<int32_t> mate(golden.tokens.rbegin(), golden.tokens.rend());
  const kernels::TableList tables = kernels::supported_tables();
  for (int i = 0; i < tables.count; ++i) {
    RunOptions whole;
    whole.table = tables.tables[i];
    const auto want = run(golden, whole).logits;
    for (const int64_t chunk : {1, 7, 64}) {
      RunOptions options = whole;
      options.chunk_tokens = chunk;
      options.threads = 2;
      EXPECT_EQ(run(golden, options).logits, want) << whole.table->name << " chunk " << chunk;
    }
    RunOptions mixed = whole;
    mixed.chunk_tokens = 64;
    mixed.batch_mate = mate;
    EXPECT_EQ(run(golden, mixed).logits, want) << whole.table->name << " mixed batch";
  }
}

TEST_P(FastBits, SparseEqualsDenseWhileIndexTopkCoversTheContext) {
  base::ThreadPool pool(1);
  const GoldenCase golden = load_case(GetParam(), pool);
  if (!golden.config.is_sparse()) {
    GTEST_SKIP() << "a dense model";
  }
  Config wide = golden.config;
  wide.indexer.index_topk = golden.token_count();
  const kernels::TableList tables = kernels::supported_tables();
  for (int i = 0; i < tables.count; ++i) {
    RunOptions options;
    options.table = tables.tables[i];
    options.forward.attention = AttentionMode::kSparse;
    const auto sparse =
        run(wide, *golden.weights, golden.tokens, golden.prefill_tokens, options).logits;
    options.forward.attention = AttentionMode::kDense;
    const auto dense =
        run(wide, *golden.weights, golden.tokens, golden.prefill_tokens, options).logits;
    EXPECT_EQ(sparse, dense) << options.table->name;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, FastBits, ::testing::ValuesIn(all_case_names()), case_name);

}  // namespace
}  // namespace levin::model::testing
