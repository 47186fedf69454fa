#include "model/project.h"

namespace levin::model {
namespace {

kernels::ActivationRounding activation_rounding(const ModelContext& model) {
  if (!model.options.fp8_activations) {
    return kernels::ActivationRounding::kNone;
  }
  return model.config.has_ue8m0_scales ? kernels::ActivationRounding::kE4m3PowerOfTwo
                                       : kernels::ActivationRounding::kE4m3;
}

}  // namespace

void project(const ModelContext& model, TensorView<const float, 2> x, const WeightMatrix& w,
             TensorView<float, 2> y) {
  if (model.is_reference()) {
    kernels::linear_reference(model.kernels, x, w, activation_rounding(model), y);
  } else {
    kernels::linear(model.kernels, x, w, y);
  }
}

void project_precise(const ModelContext& model, TensorView<const float, 2> x, const WeightMatrix& w,
                     TensorView<float, 2> y) {
  if (model.is_reference()) {
    kernels::linear_reference(model.kernels, x, w, activation_rounding(model), y);
  } else {
    kernels::linear_precise(model.kernels, x, w, y);
  }
}

void project_batch(const ModelContext& model, std::span<const kernels::LinearTask> tasks) {
  if (!model.is_reference()) {
    kernels::linear_batch(model.kernels, tasks);
    return;
  }
  for (const kernels::LinearTask& task : tasks) {
    kernels::linear_reference(model.kernels, task.x, task.w, activation_rounding(model), task.y);
  }
}

}  // namespace levin::model
