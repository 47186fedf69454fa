// The default path at great depth: every instruction set against the scalar reference, over a cache
// of random rows of a synthetic model.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "eval/synth_checkpoint.h"
#include "kernels/op_table.h"
#include "runtime/engine.h"
#include "runtime/session.h"

namespace levin::eval {
namespace {

constexpr int64_t kChunkTokens = 16;
constexpr int64_t kContext = 131072;

/// A checkpoint of tests/data/configs/tiny.json with a context of 128K, removed at the end.
class SynthModel {
 public:
  explicit SynthModel(std::vector<std::string> overrides) {
    dir_ = std::filesystem::temp_directory_path() / fmt::format("levin_depth_{}", ::getpid());
    overrides.push_back(fmt::format("max_position_embeddings={}", kContext));
    SynthOptions options;
    options.config_path = std::string(LEVIN_TEST_DATA) + "/configs/tiny.json";
    options.out_dir = dir_.string();
    options.overrides = std::move(overrides);
    options.replaces_existing = true;
    base::ThreadPool pool(2);
    write_synthetic_checkpoint(options, pool, [](int64_t, int64_t) {});
  }
  ~SynthModel() { std::filesystem::remove_all(dir_); }
  SynthModel(const SynthModel&) = delete;
  SynthModel& operator=(const SynthModel&) = delete;

  [[nodiscard]] std::unique_ptr<runtime::Engine> load(std::string_view isa, int threads,
                                                      model::AttentionMode attention) const {
    ::setenv("LEVIN_ISA", std::string(isa).c_str(), 1);
    runtime::EngineOptions options;
    options.threads = threads;
    options.forward.attention = attention;
    options.context_tokens = kContext;
    auto engine = runtime::Engine::load(dir_.string(), options);
    ::unsetenv("LEVIN_ISA");
    return engine;
  }

 private:
  std::filesystem::path dir_;
};

std::vector<int32_t> some_tokens(int64_t count) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<int32_t>(2 + (i * 37) % 300));
  }
  return tokens;
}

/// What a decode step and a chunk after it computed; one entry per token.
struct Outcome {
  std::vector<std::vector<float>> logits;
  std::vector<model::LayerTrace> decode_layers;
  model::StepStats decode_stats;
};

void append_rows(const tensor::Tensor<float, 2>& rows, std::vector<std::vector<float>>& to) {
  for (int64_t row = 0; row < rows.view().extent(0); ++row) {
    to.emplace_back(rows.view().row(row), rows.view().row(row) + rows.view().extent(1));
  }
}

/// One decode step and then `kChunkTokens` of prefill, cut as `cuts` says, behind `depth` random
/// rows.
Outcome run_at_depth(runtime::Engine& engine, int64_t depth, const std::vector<int64_t>& cuts,
                     bool wants_trace) {
  runtime::Session session(engine, depth + 1 + kChunkTokens);
  session.fill_random(depth, 7);
  const std::vector<int32_t> tokens = some_tokens(1 + kChunkTokens);
  const std::span<const int32_t> all(tokens);
  model::Trace trace;
  trace.wants_indexer = wants_trace;
  trace.wants_selected = wants_trace;
  Outcome outcome;
  append_rows(
      session.append(all.first(1), true, model::LogitsWanted::kAll, wants_trace ? &trace : nullptr),
      outcome.logits);
  outcome.decode_stats = session.last_step();
  outcome.decode_layers = std::move(trace.layers);
  size_t at = 1;
  for (const int64_t cut : cuts) {
    append_rows(
        session.append(all.subspan(at, static_cast<size_t>(cut)), false, model::LogitsWanted::kAll),
        outcome.logits);
    at += static_cast<size_t>(cut);
  }
  return outcome;
}

double deviation(std::span<const float> values) {
  double sum = 0.0;
  double squares = 0.0;
  for (const float value : values) {
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  const auto count = static_cast<double>(values.size());
  return std::sqrt(std::max(0.0, squares / count - sum / count * (sum / count)));
}

/// How far, in standard deviations of the scores, the position that is selected in one run alone
/// lies from the cut; 0 if both runs select the same set.
double farthest_departure(const model::LayerTrace& want, const model::LayerTrace& got) {
  const std::span<const float> scores(want.index_scores.view().row(0),
                                      static_cast<size_t>(want.index_scores.view().extent(1)));
  const std::vector<int32_t>& want_set = want.selected[0];
  const std::vector<int32_t>& got_set = got.selected[0];
  float cut = std::numeric_limits<float>::infinity();
  for (const int32_t pos : want_set) {
    cut = std::min(cut, scores[static_cast<size_t>(pos)]);
  }
  std::vector<int32_t> departed;
  std::ranges::set_symmetric_difference(want_set, got_set, std::back_inserter(departed));
  double farthest = 0.0;
  for (const int32_t pos : departed) {
    farthest =
        std::max(farthest, std::abs(static_cast<double>(scores[static_cast<size_t>(pos)]) - cut));
  }
  return departed.empty() ? 0.0 : farthest / deviation(scores);
}

float largest_difference(std::span<const float> a, std::span<const float> b) {
  float largest = 0.0F;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

class DepthSlow : public ::testing::TestWithParam<int64_t> {
 protected:
  const std::vector<int64_t> whole_ = {kChunkTokens};
};

/// A query whose FP8 code rounds the other way moves a score a little: what lies within a tenth of
/// a standard deviation of the cut counts as a tie. Its row of logits moves with it, so the tight
/// bound is on most rows and a loose one on all.
TEST_P(DepthSlow, EveryIsaSelectsAndComputesWhatTheReferenceDoes) {
  const SynthModel model({});
  const kernels::TableList tables = kernels::supported_tables();
  const auto reference = model.load("ref", 2, model::AttentionMode::kSparse);
  const Outcome want = run_at_depth(*reference, GetParam(), whole_, true);
  for (int i = 1; i < tables.count; ++i) {
    const auto engine = model.load(tables.tables[i]->name, 2, model::AttentionMode::kSparse);
    const Outcome got = run_at_depth(*engine, GetParam(), whole_, true);
    double departure = 0.0;
    for (size_t layer = 0; layer < want.decode_layers.size(); ++layer) {
      departure = std::max(departure,
                           farthest_departure(want.decode_layers[layer], got.decode_layers[layer]));
    }
    std::vector<double> errors;
    for (size_t row = 0; row < want.logits.size(); ++row) {
      errors.push_back(largest_difference(got.logits[row], want.logits[row]) /
                       deviation(want.logits[row]));
    }
    std::ranges::sort(errors);
    const double typical = errors[errors.size() * 8 / 10];
    fmt::print(
        "| depth {:>6} | {:6} | departure from the cut {:.3f} sd | |dlogit| of 80 % of the rows "
        "{:.4f} sd, of all {:.4f} sd |\n",
        GetParam(), tables.tables[i]->name, departure, typical, errors.back());
    EXPECT_LE(departure, 0.1) << tables.tables[i]->name;
    EXPECT_LE(typical, 0.01) << tables.tables[i]->name;
    EXPECT_LE(errors.back(), 0.5) << tables.tables[i]->name;
  }
}

TEST_P(DepthSlow, BitsDoNotDependOnChunksOrThreads) {
  const SynthModel model({});
  const kernels::TableList tables = kernels::supported_tables();
  for (int i = 1; i < tables.count; ++i) {
    for (const auto attention : {model::AttentionMode::kSparse, model::AttentionMode::kDense}) {
      const auto two_threads = model.load(tables.tables[i]->name, 2, attention);
      const auto one_thread = model.load(tables.tables[i]->name, 1, attention);
      EXPECT_EQ(run_at_depth(*one_thread, GetParam(), {7, 9}, false).logits,
                run_at_depth(*two_threads, GetParam(), whole_, false).logits)
          << tables.tables[i]->name;
    }
  }
}

TEST_P(DepthSlow, SparseEqualsDenseWhileIndexTopkCoversTheContext) {
  const SynthModel model({fmt::format("index_topk={}", kContext)});
  const auto sparse = model.load("", 2, model::AttentionMode::kSparse);
  const auto dense = model.load("", 2, model::AttentionMode::kDense);
  EXPECT_EQ(run_at_depth(*sparse, GetParam(), whole_, false).logits,
            run_at_depth(*dense, GetParam(), whole_, false).logits);
}

INSTANTIATE_TEST_SUITE_P(Depths, DepthSlow, ::testing::Values(2049, 8191, 65537, 131000));

TEST(SparseDecode, ReadsAtMostIndexTopkRowsALayerAt32K) {
  const SynthModel model({});
  const auto engine = model.load("", 2, model::AttentionMode::kAuto);
  const model::Config& config = engine->config();
  const Outcome outcome = run_at_depth(*engine, 32768, {kChunkTokens}, false);
  EXPECT_EQ(outcome.decode_stats.latent_rows_read,
            config.indexer.index_topk * config.num_hidden_layers);
  EXPECT_EQ(outcome.decode_stats.visible_rows, 32769 * config.num_hidden_layers);
  EXPECT_EQ(outcome.decode_stats.index_keys_scored, 32769 * config.num_hidden_layers);
}

}  // namespace
}  // namespace levin::eval
