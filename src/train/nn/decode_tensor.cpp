#include "train/nn/decode_tensor.h"

#include <ATen/ATen.h>

#include <array>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "train/nn/checkpoint_names.h"

namespace levin::train::nn {
namespace {

using base::ErrorCode;
using base::throw_error;
using formats::CheckpointTensor;

constexpr int64_t kBlock = 128;

std::optional<at::ScalarType> scalar_type(const CheckpointTensor& stored) {
  if (!stored.tensor->dtype) {
    return std::nullopt;
  }
  switch (*stored.tensor->dtype) {
    case tensor::DType::kF32:
      return at::kFloat;
    case tensor::DType::kBf16:
      return at::kBFloat16;
    case tensor::DType::kF16:
      return at::kHalf;
    case tensor::DType::kF64:
      return at::kDouble;
    default:
      return std::nullopt;
  }
}

/// Value of every code: sign, four bits of exponent (bias 7), three of mantissa, no infinity.
std::array<double, 256> e4m3_values() {
  std::array<double, 256> values{};
  for (int code = 0; code < 256; ++code) {
    const int exponent = (code >> 3) & 15;
    const int mantissa = code & 7;
    double value =
        exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
    if (exponent == 15 && mantissa == 7) {
      value = std::nan("");
    }
    values[static_cast<size_t>(code)] = code < 128 ? value : -value;
  }
  return values;
}

at::Tensor decode_scales(const CheckpointTensor& scales, const std::vector<int64_t>& shape,
                         const std::string& name) {
  const std::vector<int64_t> wanted = {(shape[0] + kBlock - 1) / kBlock,
                                       (shape[1] + kBlock - 1) / kBlock};
  if (scales.tensor->shape != wanted) {
    throw_error(ErrorCode::kInvalidFile, scales.file->path(),
                "block scales of {}: shape {} expected, file has {}", name,
                formats::shape_text(wanted), formats::shape_text(scales.tensor->shape));
  }
  at::Tensor values = decode_plain(scales, block_scale_name(name));
  if (!(at::isfinite(values) & (values > 0)).all().item<bool>()) {
    throw_error(ErrorCode::kInvalidFile, scales.file->path(),
                "block scales of {}: every scale must be finite and positive", name);
  }
  return values;
}

}  // namespace

at::Tensor decode_plain(const CheckpointTensor& stored, const std::string& name) {
  const std::optional<at::ScalarType> type = scalar_type(stored);
  if (!type) {
    throw_error(ErrorCode::kInvalidFile, stored.file->path(),
                "{}: dtype {} cannot be trained; F32, BF16, F16 or F8_E4M3 is expected", name,
                stored.tensor->dtype_name);
  }
  at::Tensor values = at::empty(stored.tensor->shape, *type);
  if (values.numel() > 0) {
    std::memcpy(values.data_ptr(), stored.tensor->bytes.data(), stored.tensor->bytes.size());
  }
  return values;
}

at::Tensor decode_fp8(const CheckpointTensor& stored, const CheckpointTensor& scales,
                      const std::string& name, at::ScalarType dtype) {
  const std::vector<int64_t>& shape = stored.tensor->shape;
  if (shape.size() != 2) {
    throw_error(ErrorCode::kInvalidFile, stored.file->path(),
                "{}: an FP8 tensor must be a matrix, file has shape {}", name,
                formats::shape_text(shape));
  }
  at::Tensor codes = at::empty(shape, at::kByte);
  if (codes.numel() > 0) {
    std::memcpy(codes.data_ptr(), stored.tensor->bytes.data(), stored.tensor->bytes.size());
  }
  const std::array<double, 256> values = e4m3_values();
  const at::Tensor table = at::tensor(at::ArrayRef<double>(values.data(), values.size())).to(dtype);
  const at::Tensor plain = table.index_select(0, codes.flatten().to(at::kInt)).view(shape);
  if (plain.isnan().any().item<bool>()) {
    throw_error(ErrorCode::kInvalidFile, stored.file->path(), "{} contains NaN", name);
  }
  const at::Tensor blocks = decode_scales(scales, shape, name).to(dtype);
  const at::Tensor spread = blocks.repeat_interleave(kBlock, 0)
                                .narrow(0, 0, shape[0])
                                .repeat_interleave(kBlock, 1)
                                .narrow(1, 0, shape[1]);
  return plain.mul(spread);
}

}  // namespace levin::train::nn
