// The rows of a step as tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "train/data/sample.h"
#include "train/nn/forward.h"

namespace levin::train::run {

/// Rows behind one another in one pack; attention keeps to their documents.
struct TrainingBatch {
  nn::PackedBatch pack;
  at::Tensor targets;         ///< [tokens] i64, what each position is to predict
  at::Tensor text_weights;    ///< [tokens] f32, of prose, facts and questions; else 0
  at::Tensor answer_weights;  ///< [tokens] f32, of answers, values and copies; else 0
  at::Tensor is_value;        ///< [tokens] bool, targets that have to be looked up

  [[nodiscard]] int64_t tokens() const { return targets.numel(); }
};

/// Rows must be of equal length.
TrainingBatch make_batch(const std::vector<data::Row>& rows);

}  // namespace levin::train::run
