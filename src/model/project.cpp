#include "model/project.h"

#include "kernels/rows.h"

namespace levin::model {

void project(const ModelContext& model, TensorView<const float, 2> x, const WeightMatrix& w,
             Activations& act, TensorView<float, 2> y) {
  const bool power_of_two_scale = model.config.has_ue8m0_scales;
  if (model.is_reference()) {
    kernels::linear_reference(model.kernels, x, w, power_of_two_scale, y);
    return;
  }
  if (w.format == tensor::WeightFormat::kFp8Block) {
    act.rounded.resize(x.extents());
    kernels::round_to_e4m3(model.kernels, x, power_of_two_scale, act.rounded.view());
    x = act.rounded.view();
  }
  kernels::linear(model.kernels, x, w, y);
}

void round_input(const ModelContext& model, const WeightMatrix& w, TensorView<float, 2> x) {
  if (!model.is_reference() && w.format == tensor::WeightFormat::kFp8Block) {
    kernels::round_to_e4m3(model.kernels, x, model.config.has_ue8m0_scales, x);
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
