#include "model/golden_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <span>

namespace levin::model::testing {
namespace {

constexpr const char* kGoldenFile = "golden.safetensors";

void compare_logits(const GoldenCase& golden, const RunResult& result, GoldenComparison& into) {
  const auto want = golden_rows(golden, kGoldenFile, "prefill_logits", "decode_logits");
  int64_t typical_rows = 0;
  for (size_t row = 0; row < want.size(); ++row) {
    const float difference = max_abs_difference(result.logits.at(row), want[row]);
    into.logits = std::max(into.logits, difference);
    typical_rows += difference <= golden.logits_typical_abs ? 1 : 0;
  }
  into.typical_rows_fraction = static_cast<double>(typical_rows) / static_cast<double>(want.size());
}

void compare_hidden(const GoldenCase& golden, const std::string& prefix,
                    const RunResult::Layer& layer, GoldenComparison& into) {
  const auto want = golden_rows(golden, kGoldenFile, prefix + "hidden", prefix + "decode_hidden");
  for (size_t row = 0; row < want.size(); ++row) {
    into.hidden = std::max(into.hidden, max_abs_difference(layer.hidden.at(row), want[row]));
  }
}

void compare_selections(const GoldenCase& golden, const std::string& prefix,
                        const RunResult::Layer& layer, GoldenComparison& into) {
  const auto masks =
      golden_rows(golden, kGoldenFile, prefix + "topk_mask", prefix + "decode_topk_mask");
  const auto safe = golden_integers(golden, kGoldenFile, prefix + "topk_safe");
  for (size_t row = 0; row < masks.size(); ++row) {
    if (safe[row] == 0) {
      continue;
    }
    std::vector<int32_t> want;
    for (size_t pos = 0; pos < masks[row].size(); ++pos) {
      if (masks[row][pos] != 0.0F) {
        want.push_back(static_cast<int32_t>(pos));
      }
    }
    ++into.selections.compared;
    into.selections.differing += want != layer.selected.at(row) ? 1 : 0;
  }
}

void compare_index_scores(const GoldenCase& golden, const std::string& prefix,
                          const RunResult::Layer& layer, GoldenComparison& into) {
  const auto want =
      golden_rows(golden, kGoldenFile, prefix + "index_scores", prefix + "decode_index_scores");
  for (size_t row = 0; row < want.size(); ++row) {
    const std::vector<float>& got = layer.index_scores.at(row);
    if (got.empty()) {
      continue;
    }
    ++into.score_rows;
    const size_t visible = row + 1;
    const float difference = got.size() < visible
                                 ? std::numeric_limits<float>::infinity()
                                 : max_abs_difference(std::span(got).first(visible),
                                                      std::span(want[row]).first(visible));
    into.index_scores = std::max(into.index_scores, difference);
  }
}

void compare_experts(const GoldenCase& golden, const std::string& prefix,
                     const RunResult::Layer& layer, GoldenComparison& into) {
  const auto ids = golden_integers(golden, kGoldenFile, prefix + "router_ids");
  const auto weights = golden_floats(golden, kGoldenFile, prefix + "router_weights");
  const auto safe = golden_integers(golden, kGoldenFile, prefix + "router_safe");
  const auto per_token = static_cast<size_t>(golden.config.num_experts_per_tok);
  for (size_t row = 0; row < golden.tokens.size(); ++row) {
    if (safe[row] == 0) {
      continue;
    }
    std::map<int64_t, float> want;  // weight by expert: the order of a set is free
    for (size_t i = row * per_token; i < (row + 1) * per_token; ++i) {
      want[ids[i]] = weights[i];
    }
    std::map<int64_t, float> got;
    for (size_t slot = 0; slot < per_token; ++slot) {
      got[layer.router_ids.at(row).at(slot)] = layer.router_weights.at(row).at(slot);
    }
    const bool is_equal = std::ranges::equal(got, want, {}, &std::pair<const int64_t, float>::first,
                                             &std::pair<const int64_t, float>::first);
    ++into.experts.compared;
    into.experts.differing += is_equal ? 0 : 1;
    for (const auto& [expert, weight] : want) {
      const float one[] = {weight};
      const float other[] = {is_equal ? got[expert] : weight};
      into.router_weights = std::max(into.router_weights, max_abs_difference(other, one));
    }
  }
}

}  // namespace

GoldenComparison compare_with_golden(const GoldenCase& golden, const RunResult& result) {
  GoldenComparison comparison;
  compare_logits(golden, result, comparison);
  for (int64_t layer_idx = 0; layer_idx < golden.config.num_hidden_layers; ++layer_idx) {
    const std::string prefix = fmt::format("layer.{}.", layer_idx);
    const RunResult::Layer& layer = result.layers.at(static_cast<size_t>(layer_idx));
    compare_hidden(golden, prefix, layer, comparison);
    if (golden.config.is_sparse()) {
      compare_selections(golden, prefix, layer, comparison);
      compare_index_scores(golden, prefix, layer, comparison);
    }
    if (golden.config.is_moe_layer(layer_idx)) {
      compare_experts(golden, prefix, layer, comparison);
    }
  }
  return comparison;
}

bool reproduces(const GoldenCase& golden, const GoldenComparison& comparison) {
  return comparison.logits <= golden.logits_max_abs &&
         comparison.typical_rows_fraction >= golden.typical_rows_fraction &&
         comparison.hidden <= golden.logits_max_abs &&
         comparison.index_scores <= kIndexScoreTolerance &&
         comparison.router_weights <= golden.logits_max_abs &&
         comparison.selections.differing == 0 && comparison.experts.differing == 0;
}

}  // namespace levin::model::testing
