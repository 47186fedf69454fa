#include "model/feed_forward.h"

#include <algorithm>
#include <cstring>

#include "base/integers.h"
#include "kernels/rows.h"
#include "model/activation_memory.h"
#include "model/finite_check.h"
#include "model/project.h"
#include "model/router.h"

namespace levin::model {
namespace {

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

/// Chooses the experts of every token: step.activations.router_ids and router_weights.
void route_tokens(const ModelContext& model, const MoeWeights& weights, int64_t layer_idx,
                  TensorView<const float, 2> x, Step& step) {
  const Config& config = model.config;
  Activations& act = step.activations;
  act.router_logits.resize({step.tokens, config.n_routed_experts});
  act.router_ids.resize({step.tokens, config.num_experts_per_tok});
  act.router_weights.resize({step.tokens, config.num_experts_per_tok});
  project_precise(model, x, weights.gate, act.router_logits.view());
  check_finite(model, act.router_logits.view(), layer_idx, Part::kRouter);

  const auto experts = static_cast<size_t>(config.n_routed_experts);
  const auto per_token = static_cast<size_t>(config.num_experts_per_tok);
  const TensorView<const int32_t, 2> forced = forced_ids(step, layer_idx);
  model.kernels.pool().parallel_for(step.tokens, [&](int64_t row, int) {
    const auto forced_row = forced.data() == nullptr
                                ? std::span<const int32_t>{}
                                : std::span<const int32_t>(forced.row(row), per_token);
    route_token(config, {act.router_logits.view().row(row), experts},
                weights.e_score_correction_bias, forced_row,
                {act.router_ids.view().row(row), per_token},
                {act.router_weights.view().row(row), per_token});
  });
  if (step.trace != nullptr && step.trace->wants_router) {
    LayerTrace& trace = *step.layer_trace(layer_idx);
    copy_rows<int32_t>(act.router_ids.view(), trace.router_ids);
    copy_rows<float>(act.router_weights.view(), trace.router_weights);
  }
}

/// The tokens of each expert in use, in ascending order of experts.
std::vector<ExpertRows> list_expert_rows(const MoeWeights& weights, const Activations& act) {
  std::vector<ExpertRows> experts(weights.experts.size());
  const TensorView<const int32_t, 2> ids = act.router_ids.view();
  for (int64_t row = 0; row < ids.extent(0); ++row) {
    for (int64_t slot = 0; slot < ids.extent(1); ++slot) {
      ExpertRows& expert = experts[static_cast<size_t>(ids.row(row)[slot])];
      expert.tokens.push_back(static_cast<int32_t>(row));
      expert.factors.push_back(act.router_weights.view().row(row)[slot]);
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
  model.kernels.pool().parallel_for(base::ceil_div(hidden, kColumns), [&](int64_t task, int) {
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
  model.kernels.pool().parallel_for(static_cast<int64_t>(group.size()), [&](int64_t task, int) {
    const ExpertRows& expert = group[static_cast<size_t>(task)];
    for (int64_t i = 0; i < expert.rows(); ++i) {
      std::copy_n(x.row(expert.tokens[static_cast<size_t>(i)]), hidden,
                  act.expert_in.view().row(expert.first_row + i));
    }
  });
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
  route_tokens(model, weights, layer_idx, x, step);
  std::vector<ExpertRows> experts = list_expert_rows(weights, step.activations);
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
