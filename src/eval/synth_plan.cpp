#include "eval/synth_plan.h"

#include <cmath>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/fnv1a.h"
#include "base/integers.h"
#include "base/random.h"
#include "eval/random_values.h"
#include "model/weights.h"
#include "tensor/weight_matrix.h"

namespace levin::eval {
namespace {

using tensor::DType;
using Kind = PlannedTensor::Kind;

PlannedTensor make_tensor(std::string name, DType dtype, std::vector<int64_t> shape,
                          uint64_t seed) {
  PlannedTensor tensor;
  // Of the name, not of what stands before it.
  tensor.stream = base::random_bits(seed, base::fnv1a(name));
  tensor.declaration = {std::move(name), dtype, std::move(shape)};
  return tensor;
}

/// With inputs of unit variance, outputs have standard deviation `gain`.
double output_gain(std::string_view name) {
  if (name.ends_with("lm_head.weight")) {
    return 3.0;  // a distribution that is neither flat nor certain
  }
  if (name.ends_with("mlp.gate.weight")) {
    return 2.0;  // router logits far enough apart for clear choices
  }
  return 1.0;
}

PlannedTensor plan_vector(const model::ExpectedTensor& expected, uint64_t seed) {
  const std::string_view name = expected.name;
  const bool is_router_bias = name.ends_with("e_score_correction_bias");
  const bool is_f32 = is_router_bias || name.find(".k_norm.") != std::string_view::npos;
  PlannedTensor tensor =
      make_tensor(expected.name, is_f32 ? DType::kF32 : DType::kBf16, expected.shape, seed);
  tensor.mean = name.ends_with("norm.weight") ? 1.0F : 0.0F;
  tensor.std = is_router_bias ? 0.02F : 0.1F;
  if (name.ends_with("layernorm.weight")) {
    tensor.mean = 1.0F;
  }
  return tensor;
}

/// The matrix, followed by its scales if it is FP8.
std::vector<PlannedTensor> plan_matrix(const model::ExpectedTensor& expected,
                                       const model::Config& config, SynthDType dtype,
                                       uint64_t seed) {
  const int64_t rows = expected.shape[0];
  const int64_t cols = expected.shape[1];
  const bool is_embedding = expected.name.ends_with("embed_tokens.weight");
  double std = output_gain(expected.name) / std::sqrt(static_cast<double>(cols));
  if (is_embedding) {
    std = config.tie_word_embeddings ? 3.0 * std : 1.0;
  }
  const bool is_fp8 =
      dtype == SynthDType::kFp8 && expected.may_be_fp8 && cols % tensor::kFp8BlockSize == 0;
  std::vector<PlannedTensor> planned;
  planned.push_back(
      make_tensor(expected.name, is_fp8 ? DType::kF8E4m3 : DType::kBf16, expected.shape, seed));
  planned[0].std = static_cast<float>(std);
  if (!is_fp8) {
    return planned;
  }
  planned[0].kind = Kind::kFp8Codes;
  const std::string stem = expected.name.substr(0, expected.name.size() - 7);  // ".weight"
  planned.push_back(make_tensor(
      stem + ".weight_scale_inv", DType::kF32,
      {base::ceil_div(rows, tensor::kFp8BlockSize), cols / tensor::kFp8BlockSize}, seed));
  planned[1].kind = config.has_ue8m0_scales ? Kind::kPow2Scales : Kind::kBlockScales;
  planned[1].mean = static_cast<float>(std / normal_e4m3_std());
  return planned;
}

float block_scale(const PlannedTensor& tensor, int64_t element) {
  const double jitter = base::random_uniform(tensor.stream, static_cast<uint64_t>(element)) - 0.5;
  const double log2_scale = std::log2(tensor.mean) + jitter;
  return static_cast<float>(
      std::exp2(tensor.kind == Kind::kPow2Scales ? std::round(log2_scale) : log2_scale));
}

template <typename T>
std::span<T> elements_of(std::span<std::byte> bytes) {
  return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
}

void name_files(std::vector<PlannedFile>& files) {
  if (files.size() == 1) {
    files[0].name = "model.safetensors";
    return;
  }
  for (size_t i = 0; i < files.size(); ++i) {
    files[i].name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, files.size());
  }
}

}  // namespace

int64_t PlannedTensor::element_count() const noexcept {
  int64_t count = 1;
  for (const int64_t extent : declaration.shape) {
    count *= extent;
  }
  return count;
}

int64_t PlannedTensor::data_bytes() const noexcept {
  return element_count() * tensor::dtype_bytes(declaration.dtype);
}

std::vector<PlannedFile> plan_checkpoint(const model::Config& config, SynthDType dtype,
                                         uint64_t seed, int64_t shard_bytes) {
  std::vector<PlannedFile> files(1);
  int64_t file_bytes = 0;
  for (const model::ExpectedTensor& expected : model::expected_tensors(config)) {
    std::vector<PlannedTensor> group;
    if (expected.shape.size() == 2) {
      group = plan_matrix(expected, config, dtype, seed);
    } else {
      group.push_back(plan_vector(expected, seed));
    }
    int64_t group_bytes = 0;
    for (const PlannedTensor& tensor : group) {
      group_bytes += tensor.data_bytes();
    }
    if (file_bytes > 0 && file_bytes + group_bytes > shard_bytes) {
      files.emplace_back();
      file_bytes = 0;
    }
    file_bytes += group_bytes;
    for (PlannedTensor& tensor : group) {
      files.back().tensors.push_back(std::move(tensor));
    }
  }
  name_files(files);
  return files;
}

void generate_elements(const PlannedTensor& tensor, int64_t first, std::span<std::byte> out) {
  switch (tensor.kind) {
    case Kind::kNormal:
      if (tensor.declaration.dtype == DType::kF32) {
        fill_normal(tensor.stream, first, tensor.mean, tensor.std, elements_of<float>(out));
      } else {
        fill_normal(tensor.stream, first, tensor.mean, tensor.std, elements_of<base::Bf16>(out));
      }
      return;
    case Kind::kFp8Codes:
      fill_normal(tensor.stream, first, elements_of<base::E4m3>(out));
      return;
    case Kind::kBlockScales:
    case Kind::kPow2Scales:
      for (float& scale : elements_of<float>(out)) {
        scale = block_scale(tensor, first++);
      }
      return;
  }
}

}  // namespace levin::eval
