#include "model/feed_forward.h"

#include <algorithm>
#include <cstring>

#include "kernels/rows.h"
#include "model/project.h"
#include "model/router.h"

namespace levin::model {
namespace {

/// Expert rows that are alive at once; experts beyond them go into the next group.
constexpr int64_t kExpertGroupRows = 4096;

/// The tokens of one expert; the shared experts count as one more expert that every token uses.
struct ExpertRows {
  const MlpWeights* weights = nullptr;
  std::vector<int32_t> tokens;
  std::vector<float> factors;  // what the expert's output is multiplied with, per token
  int64_t first_row = 0;       // in the buffers of its group

  [[nodiscard]] int64_t rows() const { return static_cast<int64_t>(tokens.size()); }
};

TensorView<const int32_t, 2> forced_ids(const Step& step, int64_t layer_idx) {
  if (step.forced == nullptr || step.forced->router_ids.empty()) {
    return {};
  }
  return step.forced->router_ids[static_cast<size_t>(layer_idx)];
}

/// Routes every token and lists the tokens of each expert in use, in ascending order of experts.
std::vector<ExpertRows> route(const ModelContext& model, const MoeWeights& weights,
                              int64_t layer_idx, TensorView<const float, 2> x, Step& step) {
  const Config& config = model.config;
  Tensor<float, 2>& logits = step.activations.router_logits;
  logits.resize({step.tokens, config.n_routed_experts});
  project_precise(model, x, weights.gate, logits.view());

  LayerTrace* trace = step.layer_trace(layer_idx);
  const bool wants_router = trace != nullptr && step.trace->wants_router;
  const auto per_token = static_cast<size_t>(config.num_experts_per_tok);
  if (wants_router) {
    trace->router_ids.resize({step.tokens, config.num_experts_per_tok});
    trace->router_weights.resize({step.tokens, config.num_experts_per_tok});
  }
  const TensorView<const int32_t, 2> forced = forced_ids(step, layer_idx);
  std::vector<ExpertRows> experts(static_cast<size_t>(config.n_routed_experts));
  std::vector<int32_t> ids(per_token);
  std::vector<float> factors(per_token);
  for (int64_t row = 0; row < step.tokens; ++row) {
    const std::span<const int32_t> forced_row =
        forced.data() == nullptr ? std::span<const int32_t>{}
                                 : std::span<const int32_t>(forced.row(row), per_token);
    route_token(config, {logits.view().row(row), experts.size()},
                weights.e_score_correction_bias, forced_row, ids, factors);
    for (size_t slot = 0; slot < per_token; ++slot) {
      ExpertRows& expert = experts[static_cast<size_t>(ids[slot])];
      expert.tokens.push_back(static_cast<int32_t>(row));
      expert.factors.push_back(factors[slot]);
    }
    if (wants_router) {
      std::ranges::copy(ids, trace->router_ids.view().row(row));
      std::ranges::copy(factors, trace->router_weights.view().row(row));
    }
  }
  std::vector<ExpertRows> used;
  for (size_t idx = 0; idx < experts.size(); ++idx) {
    if (!experts[idx].tokens.empty()) {
      experts[idx].weights = &weights.experts[idx];
      used.push_back(std::move(experts[idx]));
    }
  }
  return used;
}

ExpertRows shared_expert(const MlpWeights& weights, int64_t tokens) {
  ExpertRows shared;
  shared.weights = &weights;
  for (int64_t row = 0; row < tokens; ++row) {
    shared.tokens.push_back(static_cast<int32_t>(row));
    shared.factors.push_back(1.0F);
  }
  return shared;
}

/// The experts' MLPs over buffers whose rows hold each expert's gathered tokens. Widths differ
/// between routed and shared experts, so each expert's part of gate and up is packed on its own.
void run_expert_mlps(const ModelContext& model, std::span<const ExpertRows> group,
                     Activations& act) {
  std::vector<kernels::LinearTask> inputs;
  std::vector<kernels::LinearTask> outputs;
  int64_t offset = 0;
  for (const ExpertRows& expert : group) {
    const int64_t width = expert.weights->gate_proj.rows;
    const TensorView<float, 2> x = act.expert_in.view().rows(expert.first_row, expert.rows());
    const TensorView<float, 2> gate(act.gate.data() + offset, {expert.rows(), width});
    const TensorView<float, 2> up(act.up.data() + offset, {expert.rows(), width});
    inputs.push_back({.x = x, .w = expert.weights->gate_proj, .y = gate});
    inputs.push_back({.x = x, .w = expert.weights->up_proj, .y = up});
    outputs.push_back({.x = gate,
                       .w = expert.weights->down_proj,
                       .y = act.expert_out.view().rows(expert.first_row, expert.rows())});
    offset += expert.rows() * width;
  }
  project_batch(model, inputs);
  const TensorView<float, 2> gate(act.gate.data(), {1, offset});
  kernels::silu_mul(model.kernels, gate, TensorView<const float, 2>(act.up.data(), {1, offset}),
                    gate);
  project_batch(model, outputs);
}

/// out[token] += factor * expert output, expert by expert in ascending order.
void add_expert_outputs(const ModelContext& model, std::span<const ExpertRows> group,
                        const Activations& act, TensorView<float, 2> out) {
  constexpr int64_t kColumns = 256;
  const int64_t hidden = out.extent(1);
  const auto& table = model.kernels.table();
  model.kernels.pool().parallel_for((hidden + kColumns - 1) / kColumns, [&](int64_t task, int) {
    const int64_t begin = task * kColumns;
    const int64_t count = std::min(kColumns, hidden - begin);
    for (const ExpertRows& expert : group) {
      for (int64_t i = 0; i < expert.rows(); ++i) {
        table.add_scaled(act.expert_out.view().row(expert.first_row + i) + begin,
                         expert.factors[static_cast<size_t>(i)], count,
                         out.row(expert.tokens[static_cast<size_t>(i)]) + begin);
      }
    }
  });
}

void run_expert_group(const ModelContext& model, std::span<ExpertRows> group,
                      TensorView<const float, 2> x, Activations& act, TensorView<float, 2> out) {
  int64_t rows = 0;
  int64_t products = 0;
  for (ExpertRows& expert : group) {
    expert.first_row = rows;
    rows += expert.rows();
    products += expert.rows() * expert.weights->gate_proj.rows;
  }
  const int64_t hidden = x.extent(1);
  act.expert_in.resize({rows, hidden});
  act.expert_out.resize({rows, hidden});
  act.gate.resize({1, products});
  act.up.resize({1, products});
  for (const ExpertRows& expert : group) {
    for (int64_t i = 0; i < expert.rows(); ++i) {
      std::memcpy(act.expert_in.view().row(expert.first_row + i),
                  x.row(expert.tokens[static_cast<size_t>(i)]),
                  static_cast<size_t>(hidden) * sizeof(float));
    }
  }
  run_expert_mlps(model, group, act);
  add_expert_outputs(model, group, act, out);
}

}  // namespace

void run_mlp(const ModelContext& model, const MlpWeights& weights, TensorView<const float, 2> x,
             Step& step, TensorView<float, 2> out) {
  Activations& act = step.activations;
  act.gate.resize({step.tokens, weights.gate_proj.rows});
  act.up.resize({step.tokens, weights.up_proj.rows});
  const kernels::LinearTask inputs[] = {{.x = x, .w = weights.gate_proj, .y = act.gate.view()},
                                        {.x = x, .w = weights.up_proj, .y = act.up.view()}};
  project_batch(model, inputs);
  kernels::silu_mul(model.kernels, act.gate.view(), act.up.view(), act.gate.view());
  project(model, act.gate.view(), weights.down_proj, out);
}

void run_moe(const ModelContext& model, const MoeWeights& weights, int64_t layer_idx,
             TensorView<const float, 2> x, Step& step, TensorView<float, 2> out) {
  std::vector<ExpertRows> experts = route(model, weights, layer_idx, x, step);
  if (weights.shared_experts.gate_proj.rows > 0) {
    experts.push_back(shared_expert(weights.shared_experts, step.tokens));
  }
  std::memset(out.data(), 0, static_cast<size_t>(out.size()) * sizeof(float));
  for (size_t begin = 0; begin < experts.size();) {
    size_t end = begin;
    int64_t rows = 0;
    do {
      rows += experts[end].rows();
      ++end;
    } while (end < experts.size() && rows + experts[end].rows() <= kExpertGroupRows);
    run_expert_group(model, std::span(experts).subspan(begin, end - begin), x, step.activations,
                     out);
    begin = end;
  }
}

}  // namespace levin::model
