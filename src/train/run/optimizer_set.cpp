#include "train/run/optimizer_set.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "train/optim/gradients.h"
#include "train/optim/parameter_groups.h"
#include "train/optim/schedule.h"

namespace levin::train::run {
namespace {

using recipe::OptimizerKind;
using recipe::StageSettings;

std::vector<optim::Parameter> trained_parameters(const nn::ModelWeights& weights) {
  std::vector<optim::Parameter> parameters;
  for (const nn::NamedParameter& parameter : nn::named_parameters(weights)) {
    if (parameter.tensor.requires_grad()) {
      parameters.push_back({parameter.spec.name, parameter.tensor});
    }
  }
  return parameters;
}

optim::Schedule schedule_of(const StageSettings& stage) {
  optim::Schedule schedule;
  schedule.steps = stage.max_steps;
  schedule.warmup_steps = stage.lr_warmup_steps;
  schedule.decay_share = stage.decay_share;
  schedule.floor = stage.decay_floor;
  switch (stage.decay) {
    case recipe::DecayKind::kConstant:
      schedule.decay = optim::Decay::kNone;
      break;
    case recipe::DecayKind::kLinear:
      schedule.decay = optim::Decay::kLinear;
      break;
    case recipe::DecayKind::kCosine:
      schedule.decay = optim::Decay::kCosine;
      break;
  }
  return schedule;
}

void set_adamw(const StageSettings& stage, double lr, double weight_decay, optim::AdamW& adamw) {
  adamw.options().lr = lr;
  adamw.options().beta1 = stage.beta1;
  adamw.options().beta2 = stage.beta2;
  adamw.options().weight_decay = weight_decay;
}

/// Floats are not copied where their place allows it, since moments may not fit twice: valid as
/// long as the file is open.
at::Tensor stored_values(const formats::SafetensorsTensor& stored) {
  const bool is_float = stored.dtype == tensor::DType::kF32;
  const bool is_aligned =
      reinterpret_cast<std::uintptr_t>(stored.bytes.data()) % alignof(float) == 0;
  if (is_float && is_aligned) {
    return at::from_blob(const_cast<std::byte*>(stored.bytes.data()), stored.shape, at::kFloat);
  }
  at::Tensor values = at::empty(stored.shape, is_float ? at::kFloat : at::kLong);
  std::memcpy(values.data_ptr(), stored.bytes.data(), stored.bytes.size());
  return values;
}

}  // namespace

OptimizerSet::OptimizerSet(const nn::ModelWeights& weights, const StageSettings& stage)
    : kind_(stage.kind),
      optimizer_(stage.optimizer),
      parameters_(trained_parameters(weights)),
      rest_(optim::members_of(parameters_, optim::Group::kRest), {}),
      indexer_(optim::members_of(parameters_, optim::Group::kIndexer), {}) {
  std::vector<optim::Parameter> hidden = optim::members_of(parameters_, optim::Group::kHidden);
  if (optimizer_ == OptimizerKind::kMuon) {
    muon_.emplace(std::move(hidden), optim::MuonOptions{});
  } else {
    hidden_adamw_.emplace(std::move(hidden), optim::AdamWOptions{});
  }
}

bool OptimizerSet::fits(const StageSettings& stage) const {
  return stage.kind == kind_ && stage.optimizer == optimizer_;
}

void OptimizerSet::gather_gradients(optim::DataParallel* ranks) const {
  optim::fill_missing_gradients(parameters_);
  if (ranks != nullptr) {
    ranks->sum_gradients(parameters_);
  }
}

double OptimizerSet::clip(double max_norm) const {
  if (max_norm <= 0.0) {
    return optim::gradient_norm(parameters_);
  }
  std::vector<optim::Parameter> indexer;
  std::vector<optim::Parameter> model;
  for (const optim::Parameter& parameter : parameters_) {
    const bool is_indexer = optim::group_of(parameter) == optim::Group::kIndexer;
    (is_indexer ? indexer : model).push_back(parameter);
  }
  return std::hypot(optim::clip_gradients(model, max_norm),
                    optim::clip_gradients(indexer, max_norm));
}

std::optional<std::string> OptimizerSet::first_non_finite_gradient() const {
  return optim::first_non_finite_gradient(parameters_);
}

double OptimizerSet::step(const StageSettings& stage, int64_t stage_step) {
  const double factor = optim::schedule_factor(schedule_of(stage), stage_step);
  if (muon_) {
    muon_->options() = {stage.lr, stage.muon_momentum, stage.weight_decay};
    muon_->step(factor);
  }
  if (hidden_adamw_) {
    set_adamw(stage, stage.lr, stage.weight_decay, *hidden_adamw_);
    hidden_adamw_->step(factor);
  }
  set_adamw(stage, stage.adamw_lr, 0.0, rest_);
  rest_.step(factor);
  set_adamw(stage, stage.indexer_lr, 0.0, indexer_);
  indexer_.step(factor);
  optim::clear_gradients(parameters_);
  return factor;
}

void OptimizerSet::save(const std::string& path) const {
  optim::State state;
  if (muon_) {
    muon_->save(state);
  }
  if (hidden_adamw_) {
    hidden_adamw_->save(state);
  }
  rest_.save(state);
  indexer_.save(state);
  std::vector<formats::NamedTensor> tensors;
  for (auto& [name, values] : state) {
    values = values.contiguous();
    const bool is_count = values.scalar_type() == at::kLong;
    tensors.push_back({name,
                       is_count ? tensor::DType::kI64 : tensor::DType::kF32,
                       values.sizes().vec(),
                       {static_cast<const std::byte*>(values.data_ptr()), values.nbytes()}});
  }
  formats::write_safetensors(path, tensors);
}

void OptimizerSet::load(const std::string& path) {
  const formats::SafetensorsFile file(path);
  optim::State state;
  for (const auto& [name, stored] : file.tensors()) {
    const bool is_count = stored.dtype == tensor::DType::kI64;
    if (!is_count && stored.dtype != tensor::DType::kF32) {
      base::throw_error(base::ErrorCode::kInvalidFile, path, "{} is {}, expected F32 or I64", name,
                        stored.dtype_name);
    }
    state.emplace_back(name, stored_values(stored));
  }
  try {
    if (muon_) {
      muon_->load(state);
    }
    if (hidden_adamw_) {
      hidden_adamw_->load(state);
    }
    rest_.load(state);
    indexer_.load(state);
  } catch (const base::Error& error) {
    throw base::Error(error.code(), error.what(), path);
  }
}

}  // namespace levin::train::run
