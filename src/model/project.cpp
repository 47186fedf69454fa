#include "model/project.h"

namespace levin::model {

void project(const ModelContext& model, TensorView<const float, 2> x, const WeightMatrix& w,
             TensorView<float, 2> y) {
  if (model.is_reference()) {
    kernels::linear_reference(model.kernels, x, w, model.config.has_ue8m0_scales, y);
  } else {
    kernels::linear(model.kernels, x, w, y);
  }
}

void project_precise(const ModelContext& model, TensorView<const float, 2> x, const WeightMatrix& w,
                     TensorView<float, 2> y) {
  if (model.is_reference()) {
    kernels::linear_reference(model.kernels, x, w, model.config.has_ue8m0_scales, y);
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
    kernels::linear_reference(model.kernels, task.x, task.w, model.config.has_ue8m0_scales, task.y);
  }
}

}  // namespace levin::model
