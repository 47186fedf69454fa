#include "train/run/step.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "train/nn/forward.h"

namespace levin::train::run {
namespace {

using recipe::StageKind;

/// Of the whole step: what means are taken over.
struct Totals {
  double tokens = 0.0;
  double text_weight = 0.0;
  double answer_weight = 0.0;
  double values = 0.0;
};

/// Sums over the parts so far.
struct Sums {
  double text_loss = 0.0;
  double answer_loss = 0.0;
  double values_right = 0.0;
  double balance_loss = 0.0;
};

/// Replaces every figure by its sum over the ranks.
void sum_over(optim::DataParallel* ranks, const std::vector<double*>& figures) {
  if (ranks == nullptr) {
    return;
  }
  const at::Tensor sums = at::empty({std::ssize(figures)}, at::kDouble);
  auto* values = sums.data_ptr<double>();
  std::ranges::transform(figures, values, [](const double* figure) { return *figure; });
  ranks->sum(sums);
  for (size_t i = 0; i < figures.size(); ++i) {
    *figures[i] = values[i];
  }
}

Totals count(const std::vector<TrainingBatch>& parts, optim::DataParallel* ranks) {
  Totals totals;
  for (const TrainingBatch& part : parts) {
    totals.tokens += static_cast<double>(part.tokens());
    totals.text_weight += part.text_weights.sum(at::kDouble).item<double>();
    totals.answer_weight += part.answer_weights.sum(at::kDouble).item<double>();
    totals.values += part.is_value.sum().item<double>();
  }
  sum_over(ranks, {&totals.tokens, &totals.text_weight, &totals.answer_weight, &totals.values});
  return totals;
}

/// What the ranks found out, put together.
void join(optim::DataParallel* ranks, Sums& sums, StepOutcome& outcome) {
  if (ranks == nullptr) {
    return;
  }
  std::vector<double*> figures = {&sums.text_loss, &sums.answer_loss, &sums.values_right,
                                  &sums.balance_loss};
  for (double& kl : outcome.layer_kl) {
    figures.push_back(&kl);
  }
  sum_over(ranks, figures);
  for (at::Tensor& loads : outcome.layer_expert_loads) {
    if (loads.defined()) {
      loads = loads.contiguous();
      ranks->sum(loads);
    }
  }
}

at::Tensor divided(const at::Tensor& weights, double total) {
  return total > 0.0 ? weights / total : weights;
}

/// Losses of the head, a slice of positions at a time. Adds to the gradient of lm_head and returns
/// that of `hidden` [rows, hidden_size].
at::Tensor head_gradient(const nn::ModelWeights& weights, const at::Tensor& hidden,
                         const TrainingBatch& part, const at::Tensor& rows, const Totals& totals,
                         double answer_loss_scale, Sums& sums) {
  const at::Tensor leaf = hidden.detach().requires_grad_(true);
  const at::Tensor targets = part.targets.index_select(0, rows);
  const at::Tensor text = divided(part.text_weights.index_select(0, rows), totals.text_weight);
  const at::Tensor answers =
      divided(part.answer_weights.index_select(0, rows), totals.answer_weight);
  const at::Tensor is_value = part.is_value.index_select(0, rows);
  for (int64_t begin = 0; begin < rows.numel(); begin += kHeadRows) {
    const int64_t count = std::min(kHeadRows, rows.numel() - begin);
    const auto slice = [&](const at::Tensor& x) { return x.narrow(0, begin, count); };
    const at::Tensor logits = nn::logits(weights, slice(leaf));
    const at::Tensor losses =
        at::cross_entropy_loss(logits, slice(targets), {}, at::Reduction::None);
    (losses * (slice(text) + answer_loss_scale * slice(answers))).sum().backward();
    const at::Tensor values = losses.detach();
    sums.text_loss += (values * slice(text)).sum(at::kDouble).item<double>();
    sums.answer_loss += (values * slice(answers)).sum(at::kDouble).item<double>();
    const at::Tensor is_right = logits.detach().argmax(-1).eq(slice(targets));
    sums.values_right += is_right.logical_and(slice(is_value)).sum().item<double>();
  }
  return leaf.grad().defined() ? leaf.grad() : at::zeros_like(leaf);
}

nn::ForwardOptions forward_options(const recipe::StageSettings& stage) {
  nn::ForwardOptions options;
  options.with_balance_loss = stage.kind != StageKind::kWarmUp && stage.balance_loss > 0.0;
  switch (stage.kind) {
    case StageKind::kDense:
      options.mode = nn::AttentionMode::kDense;
      break;
    case StageKind::kWarmUp:
      options.mode = nn::AttentionMode::kWarmUp;
      break;
    case StageKind::kSparse:
      options.mode = nn::AttentionMode::kSparse;
      break;
  }
  return options;
}

/// Positions whose prediction counts; the first one where none does, as for the warm-up.
at::Tensor counted_rows(const TrainingBatch& part, StageKind kind) {
  if (kind == StageKind::kWarmUp) {
    return at::zeros({1}, at::kLong);
  }
  return (part.text_weights + part.answer_weights).nonzero().squeeze(1);
}

void add_layer_figures(const nn::ForwardResult& result, const Totals& totals,
                       StepOutcome& outcome) {
  std::vector<double> layer_kl;
  for (const at::Tensor& kl : result.layer_indexer_kl) {
    if (kl.defined()) {
      layer_kl.push_back(kl.item<double>() / totals.tokens);
    }
  }
  outcome.layer_kl.resize(layer_kl.size());
  std::ranges::transform(outcome.layer_kl, layer_kl, outcome.layer_kl.begin(), std::plus<>());
  outcome.layer_expert_loads.resize(result.layer_expert_loads.size());
  for (size_t layer_idx = 0; layer_idx < result.layer_expert_loads.size(); ++layer_idx) {
    at::Tensor& loads = outcome.layer_expert_loads[layer_idx];
    const at::Tensor& added = result.layer_expert_loads[layer_idx];
    if (added.defined()) {
      loads = loads.defined() ? loads + added : added;
    }
  }
}

void add_part(const nn::ModelWeights& weights, const recipe::StageSettings& stage,
              const TrainingBatch& part, const Totals& totals, Sums& sums, StepOutcome& outcome) {
  const at::Tensor rows = counted_rows(part, stage.kind);
  const nn::ForwardResult result = nn::forward(weights, part.pack, rows, forward_options(stage));
  add_layer_figures(result, totals, outcome);
  std::vector<at::Tensor> roots;
  std::vector<at::Tensor> gradients;
  const auto add_root = [&](const at::Tensor& root, const at::Tensor& gradient) {
    roots.push_back(root);
    gradients.push_back(gradient);
  };
  const double per_token = 1.0 / totals.tokens;
  if (stage.kind != StageKind::kWarmUp) {
    add_root(result.hidden, head_gradient(weights, result.hidden, part, rows, totals,
                                          stage.answer_loss_scale, sums));
  }
  if (result.indexer_kl.defined()) {
    add_root(result.indexer_kl, at::full_like(result.indexer_kl, per_token));
  }
  if (result.balance_loss.defined()) {
    add_root(result.balance_loss,
             at::full_like(result.balance_loss, stage.balance_loss * per_token));
    sums.balance_loss += stage.balance_loss * per_token * result.balance_loss.item<double>();
  }
  torch::autograd::backward(roots, gradients);
}

}  // namespace

double StepOutcome::total() const {
  return std::accumulate(layer_kl.begin(), layer_kl.end(), loss.value_or(0.0));
}

std::optional<double> StepOutcome::max_expert_load() const {
  std::optional<double> most;
  for (const at::Tensor& loads : layer_expert_loads) {
    if (loads.defined()) {
      const double mean = loads.sum().item<double>() / static_cast<double>(loads.numel());
      most = std::max(most.value_or(0.0), loads.max().item<double>() / mean);
    }
  }
  return most;
}

StepOutcome add_gradients(const nn::ModelWeights& weights, const recipe::StageSettings& stage,
                          const std::vector<TrainingBatch>& parts, optim::DataParallel* ranks) {
  const Totals totals = count(parts, ranks);
  Sums sums;
  StepOutcome outcome;
  for (const TrainingBatch& part : parts) {
    add_part(weights, stage, part, totals, sums, outcome);
  }
  join(ranks, sums, outcome);
  if (stage.kind == StageKind::kWarmUp) {
    return outcome;
  }
  outcome.loss = sums.text_loss + stage.answer_loss_scale * sums.answer_loss + sums.balance_loss;
  if (totals.text_weight > 0.0) {
    outcome.text_loss = sums.text_loss;
  }
  if (totals.answer_weight > 0.0) {
    outcome.answer_loss = sums.answer_loss;
  }
  if (totals.values > 0.0) {
    outcome.value_accuracy = sums.values_right / totals.values;
  }
  return outcome;
}

}  // namespace levin::train::run
