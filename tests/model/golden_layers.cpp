#include "model/golden_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace levin::model::testing {
namespace {

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

}  // namespace

bool FastLayerError::is_within_bounds() const {
  return to_exact <= kFastLayerBound &&
         to_golden <= std::max(kFastLayerBound, 1.02 * exact_to_golden);
}

FastLayerYardstick::FastLayerYardstick(const GoldenCase& golden)
    : golden_(golden), decisions_(load_decisions(golden)) {
  ForwardOptions unrounded;
  unrounded.numerics = Numerics::kReference;
  unrounded.fp8_latent = false;
  unrounded.fp8_activations = false;
  exact_ = run_forced(kernels::ref::table(), unrounded);
}

std::vector<FastLayerError> FastLayerYardstick::measure(const kernels::OpTable& table) const {
  const HiddenStates fast = run_forced(table, {});
  std::vector<FastLayerError> errors;
  for (size_t layer = 0; layer < fast.size(); ++layer) {
    errors.push_back({.layer_idx = static_cast<int64_t>(layer),
                      .to_exact = relative_error(fast[layer], exact_[layer]),
                      .to_golden = relative_error(fast[layer], decisions_.hidden[layer]),
                      .exact_to_golden = relative_error(exact_[layer], decisions_.hidden[layer])});
  }
  return errors;
}

FastLayerYardstick::HiddenStates FastLayerYardstick::run_forced(
    const kernels::OpTable& table, const ForwardOptions& options) const {
  const GoldenCase& golden = golden_;
  base::ThreadPool pool(2);
  kernels::Context ctx(pool, table);
  Transformer transformer(golden.config, *golden.weights, ctx, options);
  const TestPages pages(transformer.kv_layout(), golden.token_count());
  tensor::Tensor<float, 2> logits;
  HiddenStates hidden(decisions_.hidden.size());
  for (int64_t pos = 0; pos < golden.token_count();) {
    const bool is_decode = pos >= golden.prefill_tokens;
    const int64_t count = is_decode ? 1 : golden.prefill_tokens;
    const auto first = static_cast<size_t>(pos);
    const ForcedStep forced(golden, decisions_, first, static_cast<size_t>(count));
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

}  // namespace levin::model::testing
