// Selection rules in the whole forward pass, on the small trained model (index_topk 256).
#include <gtest/gtest.h>

#include "engine_helpers.h"
#include "runtime/cache_identity.h"
#include "runtime/session.h"

namespace levin::runtime {
namespace {

using model::SelectionKind;
using testing::load_engine;
using testing::mini_model;
using testing::random_prompt;

constexpr int64_t kTokens = 600;

EngineOptions under(model::AttentionMode attention, model::SelectionRule rule) {
  EngineOptions options;
  options.forward.attention = attention;
  options.forward.selection = rule;
  return options;
}

/// Logits of a prompt of kTokens and of one decoded token.
std::vector<float> logits_under(model::AttentionMode attention, model::SelectionRule rule) {
  const auto engine = load_engine(mini_model(), kTokens + 1, under(attention, rule));
  Session session(*engine, kTokens + 1);
  const std::vector<int32_t> tokens = random_prompt(kTokens, engine->config().vocab_size, 5);
  std::vector<float> logits;
  const auto add = [&](const tensor::Tensor<float, 2>& rows) {
    logits.insert(logits.end(), rows.view().data(), rows.view().data() + rows.view().size());
  };
  add(session.append(tokens, false, model::LogitsWanted::kAll));
  add(session.append(std::span(tokens).first(1), true, model::LogitsWanted::kLast));
  return logits;
}

std::vector<float> dense_logits() { return logits_under(model::AttentionMode::kDense, {}); }

TEST(SelectionRules, EqualDenseBitForBitWithinTheirBudget) {
  const std::vector<float> dense = dense_logits();
  for (const SelectionKind kind : {SelectionKind::kIndexer, SelectionKind::kRecency,
                                   SelectionKind::kFixed, SelectionKind::kRandom}) {
    EXPECT_EQ(logits_under(model::AttentionMode::kSparse,
                           {.kind = kind, .budget = kTokens + 1, .seed = 3}),
              dense)
        << selection_kind_name(kind);
  }
}

TEST(SelectionRules, EqualDenseUpToTheirBudgetAndDifferBeyond) {
  const std::vector<float> dense = dense_logits();
  const auto vocab = static_cast<int64_t>(dense.size()) / (kTokens + 1);
  for (const SelectionKind kind :
       {SelectionKind::kIndexer, SelectionKind::kRecency, SelectionKind::kSinkWindow,
        SelectionKind::kStrided, SelectionKind::kFixed, SelectionKind::kRandom}) {
    const std::vector<float> logits =
        logits_under(model::AttentionMode::kSparse, {.kind = kind, .budget = 0, .seed = 3});
    const auto row = [&](const std::vector<float>& all, int64_t position) {
      return std::vector<float>(all.begin() + position * vocab,
                                all.begin() + (position + 1) * vocab);
    };
    EXPECT_EQ(row(logits, 0), row(dense, 0)) << selection_kind_name(kind);
    EXPECT_EQ(row(logits, 127), row(dense, 127)) << selection_kind_name(kind);
    EXPECT_NE(row(logits, 299), row(dense, 299)) << selection_kind_name(kind);
    EXPECT_NE(row(logits, kTokens), row(dense, kTokens)) << selection_kind_name(kind);
  }
}

TEST(SelectionRules, LetEveryLayerReadTheirPositions) {
  const auto engine = load_engine(mini_model(), kTokens,
                                  under(model::AttentionMode::kAuto,
                                        {.kind = SelectionKind::kRandom, .budget = 40, .seed = 9}));
  Session session(*engine, kTokens);
  model::Trace trace;
  trace.wants_selected = true;
  (void)session.append(random_prompt(kTokens, engine->config().vocab_size, 5), false,
                       model::LogitsWanted::kNone, &trace);
  for (size_t layer_idx = 0; layer_idx < trace.layers.size(); ++layer_idx) {
    std::vector<int32_t> expected(40);
    (void)model::write_pattern({.kind = SelectionKind::kRandom, .budget = 40, .seed = 9},
                               static_cast<int64_t>(layer_idx), 250, expected);
    EXPECT_EQ(trace.layers[layer_idx].selected[250], expected) << layer_idx;
  }
  EXPECT_EQ(session.last_step().index_keys_scored, 0) << "no indexer runs";
}

TEST(SelectionRules, KeepAShareOfTheMassBeyondTheirBudget) {
  for (const SelectionKind kind : {SelectionKind::kIndexer, SelectionKind::kRecency}) {
    const auto engine =
        load_engine(mini_model(), kTokens,
                    under(model::AttentionMode::kSparse, {.kind = kind, .budget = 0, .seed = 0}));
    Session session(*engine, kTokens);
    model::Trace trace;
    trace.mass_stride = 10;
    (void)session.append(random_prompt(kTokens, engine->config().vocab_size, 5), false,
                         model::LogitsWanted::kNone, &trace);
    for (const model::LayerTrace& layer : trace.layers) {
      ASSERT_EQ(std::ssize(layer.mass_kept), kTokens);
      EXPECT_EQ(layer.mass_kept[1], model::kMassNotMeasured);
      EXPECT_EQ(layer.mass_kept[120], 1.0F);
      EXPECT_GT(layer.mass_kept[590], 0.0F);
      EXPECT_LT(layer.mass_kept[590], 1.0F);
    }
  }
}

TEST(SelectionRules, NeverShareCachedPages) {
  const auto engine = load_engine(mini_model(), 64);
  const auto identity = [&](model::AttentionMode attention, model::SelectionRule rule) {
    const model::ForwardOptions forward = under(attention, rule).forward;
    return cache_identity("m", engine->config(), forward, model::WeightEncoding::kAsIs,
                          model::kv_layout(engine->config(), forward), "avx2");
  };
  using model::AttentionMode;
  const std::vector<std::string> identities = {
      identity(AttentionMode::kDense, {}),
      identity(AttentionMode::kSparse, {}),
      identity(AttentionMode::kSparse, {.kind = SelectionKind::kIndexer, .budget = 64, .seed = 0}),
      identity(AttentionMode::kSparse, {.kind = SelectionKind::kRecency, .budget = 0, .seed = 0}),
      identity(AttentionMode::kSparse, {.kind = SelectionKind::kFixed, .budget = 0, .seed = 0}),
      identity(AttentionMode::kSparse, {.kind = SelectionKind::kRandom, .budget = 0, .seed = 0}),
      identity(AttentionMode::kSparse, {.kind = SelectionKind::kRandom, .budget = 0, .seed = 1})};
  for (size_t i = 0; i < identities.size(); ++i) {
    for (size_t j = i + 1; j < identities.size(); ++j) {
      EXPECT_NE(identities[i], identities[j]) << i << " " << j;
    }
  }
  EXPECT_EQ(identity(AttentionMode::kSparse, {}), identity(AttentionMode::kAuto, {}));
}

}  // namespace
}  // namespace levin::runtime
