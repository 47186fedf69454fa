// The trainer's own forward pass against DeepSeek's official code, on every golden case: logits,
// hidden states, index scores, selected sets, experts. Prints one table row per case.
#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "golden_case.h"
#include "train/nn/parity_forward.h"

namespace levin::train::nn {
namespace {

using testing::GoldenCase;

// Rounding of the official run, which is float32; ours is f64 and hardly differs between machines.
// Found: up to 2.9e-5 and 4.3e-6.
constexpr double kHiddenTolerance = 1e-4;
constexpr double kIndexScoreTolerance = 2e-5;

struct Differences {
  double logits = 0.0;
  double typical_logits = 0.0;  // of 90% of the rows
  double hidden = 0.0;
  double index_scores = 0.0;
  double expert_weights = 0.0;
  int64_t selections = 0;  // rows whose selected set differs
  int64_t experts = 0;     // rows whose set of experts differs
};

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

void keep_larger(double& kept, double value) { kept = std::max(kept, value); }

void compare_selection(const GoldenCase& golden, const std::string& prefix,
                       const ParityLayer& layer, Differences& differences) {
  keep_larger(differences.index_scores,
              largest_difference(layer.index_scores, golden.rows(prefix + "index_scores",
                                                                 prefix + "decode_index_scores")));
  const at::Tensor wanted =
      golden.rows(prefix + "topk_mask", prefix + "decode_topk_mask").to(at::kBool);
  const at::Tensor is_safe = golden.tensor(prefix + "topk_safe").to(at::kBool);
  differences.selections += ((layer.is_selected != wanted).any(1) & is_safe).sum().item<int64_t>();
}

void compare_experts(const GoldenCase& golden, const std::string& prefix, const ParityLayer& layer,
                     Differences& differences) {
  const auto [wanted, wanted_order] = golden.tensor(prefix + "router_ids").sort(-1);
  const auto [experts, order] = layer.experts.sort(-1);
  const at::Tensor is_safe = golden.tensor(prefix + "router_safe").to(at::kBool);
  differences.experts += ((experts != wanted).any(1) & is_safe).sum().item<int64_t>();
  keep_larger(
      differences.expert_weights,
      largest_difference(layer.expert_weights.gather(-1, order),
                         golden.tensor(prefix + "router_weights").gather(-1, wanted_order)));
}

Differences compare(const GoldenCase& golden, const ParityResult& result) {
  Differences differences;
  const at::Tensor rows =
      (result.logits - golden.rows("prefill_logits", "decode_logits")).abs().amax(1);
  differences.logits = rows.max().item<double>();
  differences.typical_logits = rows.quantile(0.9).item<double>();
  for (size_t layer_idx = 0; layer_idx < result.layers.size(); ++layer_idx) {
    const ParityLayer& layer = result.layers[layer_idx];
    const std::string prefix = fmt::format("layer.{}.", layer_idx);
    keep_larger(
        differences.hidden,
        largest_difference(layer.hidden, golden.rows(prefix + "hidden", prefix + "decode_hidden")));
    if (layer.index_scores.defined()) {
      compare_selection(golden, prefix, layer, differences);
    }
    if (layer.experts.defined()) {
      compare_experts(golden, prefix, layer, differences);
    }
  }
  return differences;
}

class TrainerGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(TrainerGolden, ParityForwardMakesEveryDecisionAlikeAndLandsWithinTheTolerance) {
  const GoldenCase golden(GetParam());
  const ParityModel model = load_parity_model(golden.folder());
  ParityOptions options;
  options.prefill_tokens = golden.prefill_tokens();
  const Differences found = compare(golden, parity_forward(model, golden.tokens(), options));
  fmt::print(
      "{:<14} largest difference: logits {:.1e} (90% of rows {:.1e}), hidden {:.1e}, index scores "
      "{:.1e}, expert weights {:.1e}; rows that differ: selections {}, experts {}\n",
      GetParam(), found.logits, found.typical_logits, found.hidden, found.index_scores,
      found.expert_weights, found.selections, found.experts);
  EXPECT_LE(found.logits, golden.logits_max_abs());
  EXPECT_LE(found.typical_logits, golden.logits_typical_abs());
  EXPECT_LE(found.hidden, kHiddenTolerance);
  EXPECT_LE(found.index_scores, kIndexScoreTolerance);
  EXPECT_EQ(found.selections, 0);
  EXPECT_EQ(found.experts, 0);
  EXPECT_LE(found.expert_weights, 1e-4);
}

std::string test_name(const ::testing::TestParamInfo<std::string>& case_info) {
  std::string name = case_info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(AllCases, TrainerGolden, ::testing::ValuesIn(testing::all_case_names()),
                         test_name);

}  // namespace
}  // namespace levin::train::nn
