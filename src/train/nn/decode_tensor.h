// Bytes of a checkpoint's tensor as numbers of LibTorch.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "formats/checkpoint_files.h"

namespace levin::train::nn {

/// F32, BF16, F16 or F64 tensor in its own dtype and shape, copied.
/// Throws Error(kInvalidFile) naming the file and `name` for another dtype.
at::Tensor decode_plain(const formats::CheckpointTensor& stored, const std::string& name);

/// E4M3 codes times the f32 scale of their 128 x 128 block (docs/checkpoint.md 2.4).
///   stored [rows, cols], scales [ceil(rows / 128), ceil(cols / 128)] -> [rows, cols] in `dtype`
/// The product is taken in `dtype` (f64: exact). Throws Error(kInvalidFile) for scales of another
/// shape or dtype, not finite or not positive, and for codes that are NaN.
at::Tensor decode_fp8(const formats::CheckpointTensor& stored,
                      const formats::CheckpointTensor& scales, const std::string& name,
                      at::ScalarType dtype);

}  // namespace levin::train::nn
