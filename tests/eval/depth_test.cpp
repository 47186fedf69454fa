// The default path at great depth: every instruction set against the scalar reference, over a cache
// of random rows of a synthetic model.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <limits>
#include <numbers>
#include <numeric>

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

/// What a decode step and a chunk after it computed.
struct Outcome {
  /// One step; the layers only if a trace was asked for.
  struct Step {
    int64_t first_pos = 0;
    std::vector<model::LayerTrace> layers;
    model::StepStats stats;
  };
  std::vector<Step> steps;
  std::vector<std::vector<float>> logits;  // [token]
};

void append_rows(const tensor::Tensor<float, 2>& rows, std::vector<std::vector<float>>& to) {
  for (int64_t row = 0; row < rows.view().extent(0); ++row) {
    to.emplace_back(rows.view().row(row), rows.view().row(row) + rows.view().extent(1));
  }
}

/// Hidden states of another run's step in place of a run's own, so that each layer is compared
/// alone.
model::ForcedDecisions hidden_states_of(const Outcome::Step& step) {
  model::ForcedDecisions forced;
  forced.hidden.emplace_back();
  for (size_t layer = 0; layer + 1 < step.layers.size(); ++layer) {
    forced.hidden.push_back(step.layers[layer].hidden.view());
  }
  return forced;
}

struct DepthRun {
  int64_t depth = 0;
  std::vector<int64_t> cuts = {kChunkTokens};  ///< of the chunk behind the decode step
  bool wants_trace = false;
  const Outcome* teacher = nullptr;  ///< a traced run whose hidden states every layer starts from
};

/// One decode step and then `kChunkTokens` of prefill behind `depth` random rows.
Outcome run_at_depth(runtime::Engine& engine, const DepthRun& run) {
  runtime::Session session(engine, run.depth + 1 + kChunkTokens);
  session.fill_random(run.depth, 7);
  const std::vector<int32_t> tokens = some_tokens(1 + kChunkTokens);
  std::vector<int64_t> lengths = {1};
  lengths.insert(lengths.end(), run.cuts.begin(), run.cuts.end());
  Outcome outcome;
  size_t at = 0;
  for (size_t step = 0; step < lengths.size(); ++step) {
    const auto length = static_cast<size_t>(lengths[step]);
    model::Trace trace;
    trace.wants_hidden = run.wants_trace;
    trace.wants_indexer = run.wants_trace && engine.transformer().is_sparse();
    trace.wants_selected = run.wants_trace;
    model::ForcedDecisions forced;
    if (run.teacher != nullptr) {
      forced = hidden_states_of(run.teacher->steps[step]);
    }
    const auto& logits = session.append(
        std::span(tokens).subspan(at, length), step == 0, model::LogitsWanted::kAll,
        run.wants_trace ? &trace : nullptr, run.teacher != nullptr ? &forced : nullptr);
    append_rows(logits, outcome.logits);
    outcome.steps.push_back({.first_pos = run.depth + static_cast<int64_t>(at),
                             .layers = std::move(trace.layers),
                             .stats = session.last_step()});
    at += length;
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

// How far the index scores of two instruction sets may lie apart when both start from the same
// hidden state. Their float32 sums differ in the last bits, so inputs that are rounded to bf16 may
// round the other way, and index queries then differ by 2^-8 of their size at most. Neighbouring
// E4M3 codes lie 2^-4 to 2^-3 of a number apart: a code rounds the other way with a probability of
// at most 2^-8 / 2^-4 and moves by at most 2^-3 of itself. A ReLU passes half of the change, while
// the variance of what it passes of a normal number is 1/2 - 1/(2 pi) of that number's.
constexpr double kQueryStep = 0x1p-8;
constexpr double kShortestCodeStep = 0x1p-4;
constexpr double kLongestCodeStep = 0x1p-3;

/// Root mean square of the scores' differences, in standard deviations of the scores.
double score_bound() {
  const double relu_gain = std::sqrt(0.5 / (0.5 - 0.5 / std::numbers::pi));
  return std::sqrt(kQueryStep / kShortestCodeStep) * kLongestCodeStep * relu_gain;
}

/// A position may be selected in one run alone if it lies this close to the cut, in standard
/// deviations of the scores: the largest of `count` normal numbers of that size.
double tie_band(int64_t count) {
  return score_bound() * std::sqrt(2.0 * std::log(static_cast<double>(count)));
}

/// Of all rows together, where two positions that change places count as two. Scores of two
/// instruction sets were seen to differ by 4e-6 standard deviations, so that ties are rare; none
/// was ever seen to depart.
constexpr int64_t kMostDeparting = 8;

/// The definition: the largest scores, ties to the lower position; ascending.
std::vector<int32_t> top_positions(std::span<const float> scores, size_t count) {
  std::vector<int32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto comes_first = [&](int32_t a, int32_t b) {
    const float score_a = scores[static_cast<size_t>(a)];
    const float score_b = scores[static_cast<size_t>(b)];
    return score_a != score_b ? score_a > score_b : a < b;
  };
  std::nth_element(order.begin(), order.begin() + static_cast<int64_t>(count), order.end(),
                   comes_first);
  order.resize(count);
  std::ranges::sort(order);
  return order;
}

/// One layer's scores and selection of one token.
struct SelectionRow {
  std::span<const float> scores;  // of the visible positions
  std::span<const int32_t> selected;
};

SelectionRow selection_row(const Outcome::Step& step, size_t layer, int64_t row) {
  const model::LayerTrace& trace = step.layers[layer];
  const int64_t visible = step.first_pos + row + 1;
  EXPECT_GE(trace.index_scores.view().extent(1), visible);
  return {.scores = {trace.index_scores.view().row(row), static_cast<size_t>(visible)},
          .selected = trace.selected[static_cast<size_t>(row)]};
}

/// How two selections of one query differ, in standard deviations of the scores.
struct Departure {
  double scores_rms = 0.0;  ///< of the scores' differences
  double farthest = 0.0;    ///< from the cut, of the positions that one run alone selected
  int64_t positions = 0;    ///< how many those are
};

Departure compare_selections(const SelectionRow& want, const SelectionRow& got) {
  double squares = 0.0;
  for (size_t pos = 0; pos < want.scores.size(); ++pos) {
    const double difference = static_cast<double>(got.scores[pos]) - want.scores[pos];
    squares += difference * difference;
  }
  float cut = std::numeric_limits<float>::infinity();
  for (const int32_t pos : want.selected) {
    cut = std::min(cut, want.scores[static_cast<size_t>(pos)]);
  }
  std::vector<int32_t> departed;
  std::ranges::set_symmetric_difference(want.selected, got.selected, std::back_inserter(departed));
  const double sd = deviation(want.scores);
  Departure departure{
      .scores_rms = std::sqrt(squares / static_cast<double>(want.scores.size())) / sd,
      .positions = std::ssize(departed)};
  for (const int32_t pos : departed) {
    const double distance =
        std::abs(static_cast<double>(want.scores[static_cast<size_t>(pos)]) - cut);
    departure.farthest = std::max(departure.farthest, distance / sd);
  }
  return departure;
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
  /// Distances of rows of logits, in standard deviations of the row; ascending.
  static std::vector<double> row_errors(const Outcome& got, const Outcome& want) {
    std::vector<double> errors;
    for (size_t row = 0; row < want.logits.size(); ++row) {
      errors.push_back(largest_difference(got.logits[row], want.logits[row]) /
                       deviation(want.logits[row]));
    }
    std::ranges::sort(errors);
    return errors;
  }
};

/// The decode step and every token of the chunk, every layer started from the reference's hidden
/// state.
TEST_P(DepthSlow, EveryIsaSelectsWhatTheReferenceDoesOutsideTies) {
  const SynthModel model({});
  const kernels::TableList tables = kernels::supported_tables();
  const auto reference = model.load("ref", 2, model::AttentionMode::kSparse);
  const auto topk = static_cast<size_t>(reference->config().indexer.index_topk);
  const Outcome want = run_at_depth(*reference, {.depth = GetParam(), .wants_trace = true});
  for (int i = 0; i < tables.count; ++i) {
    const auto engine = model.load(tables.tables[i]->name, 2, model::AttentionMode::kSparse);
    const Outcome got =
        run_at_depth(*engine, {.depth = GetParam(), .wants_trace = true, .teacher = &want});
    Departure worst;
    for (size_t step = 0; step < want.steps.size(); ++step) {
      const int64_t rows = step == 0 ? 1 : kChunkTokens;
      for (size_t layer = 0; layer < want.steps[step].layers.size(); ++layer) {
        for (int64_t row = 0; row < rows; ++row) {
          const SelectionRow ours = selection_row(got.steps[step], layer, row);
          EXPECT_TRUE(std::ranges::equal(ours.selected, top_positions(ours.scores, topk)))
              << tables.tables[i]->name << ": not the best of its own scores, step " << step
              << " layer " << layer << " row " << row;
          const Departure departure =
              compare_selections(selection_row(want.steps[step], layer, row), ours);
          worst.scores_rms = std::max(worst.scores_rms, departure.scores_rms);
          worst.farthest = std::max(worst.farthest, departure.farthest);
          worst.positions += departure.positions;
        }
      }
    }
    fmt::print(
        "| depth {:>6} | {:6} | scores differ by {:.1e} sd (bound {:.1e}) | {} positions depart, "
        "at "
        "most {:.1e} sd from the cut (band {:.1e}) |\n",
        GetParam(), tables.tables[i]->name, worst.scores_rms, score_bound(), worst.positions,
        worst.farthest, tie_band(GetParam()));
    EXPECT_LE(worst.scores_rms, score_bound()) << tables.tables[i]->name;
    EXPECT_LE(worst.farthest, tie_band(GetParam())) << tables.tables[i]->name;
    EXPECT_LE(worst.positions, kMostDeparting) << tables.tables[i]->name;
  }
}

/// A tie that falls the other way changes what a row reads, and its logits with it: under sparse
/// attention the tight bound is on most rows and a loose one on all.
TEST_P(DepthSlow, EveryIsaComputesTheLogitsOfTheReference) {
  const SynthModel model({});
  const kernels::TableList tables = kernels::supported_tables();
  for (const auto attention : {model::AttentionMode::kSparse, model::AttentionMode::kDense}) {
    const bool is_sparse = attention == model::AttentionMode::kSparse;
    const auto reference = model.load("ref", 2, attention);
    const Outcome want = run_at_depth(*reference, {.depth = GetParam()});
    for (int i = 1; i < tables.count; ++i) {
      const auto engine = model.load(tables.tables[i]->name, 2, attention);
      const std::vector<double> errors =
          row_errors(run_at_depth(*engine, {.depth = GetParam()}), want);
      const double typical = errors[errors.size() * 8 / 10];
      fmt::print(
          "| depth {:>6} | {:6} | {:6} | |dlogit| of 80 % of the rows {:.4f} sd, of all {:.4f} sd "
          "|\n",
          GetParam(), tables.tables[i]->name, is_sparse ? "sparse" : "dense", typical,
          errors.back());
      EXPECT_LE(typical, 0.01) << tables.tables[i]->name;
      EXPECT_LE(errors.back(), is_sparse ? 0.5 : 0.05) << tables.tables[i]->name;
    }
  }
}

TEST_P(DepthSlow, BitsDoNotDependOnChunksOrThreads) {
  const SynthModel model({});
  const kernels::TableList tables = kernels::supported_tables();
  for (int i = 1; i < tables.count; ++i) {
    for (const auto attention : {model::AttentionMode::kSparse, model::AttentionMode::kDense}) {
      const auto two_threads = model.load(tables.tables[i]->name, 2, attention);
      const auto one_thread = model.load(tables.tables[i]->name, 1, attention);
      EXPECT_EQ(run_at_depth(*one_thread, {.depth = GetParam(), .cuts = {7, 9}}).logits,
                run_at_depth(*two_threads, {.depth = GetParam()}).logits)
          << tables.tables[i]->name;
    }
  }
}

TEST_P(DepthSlow, SparseEqualsDenseWhileIndexTopkCoversTheContext) {
  const SynthModel model({fmt::format("index_topk={}", kContext)});
  const auto sparse = model.load("", 2, model::AttentionMode::kSparse);
  const auto dense = model.load("", 2, model::AttentionMode::kDense);
  EXPECT_EQ(run_at_depth(*sparse, {.depth = GetParam()}).logits,
            run_at_depth(*dense, {.depth = GetParam()}).logits);
}

INSTANTIATE_TEST_SUITE_P(Depths, DepthSlow, ::testing::Values(2049, 8191, 65537, 131000));

TEST(SparseDecode, ReadsAtMostIndexTopkRowsALayerAt32K) {
  const SynthModel model({});
  const auto engine = model.load("", 2, model::AttentionMode::kAuto);
  const model::Config& config = engine->config();
  const model::StepStats decode = run_at_depth(*engine, {.depth = 32768}).steps[0].stats;
  EXPECT_EQ(decode.latent_rows_read, config.indexer.index_topk * config.num_hidden_layers);
  EXPECT_EQ(decode.visible_rows, 32769 * config.num_hidden_layers);
  EXPECT_EQ(decode.index_keys_scored, 32769 * config.num_hidden_layers);
}

}  // namespace
}  // namespace levin::eval
