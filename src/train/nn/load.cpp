#include "train/nn/load.h"

#include <ATen/ATen.h>

#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "train/nn/checkpoint_names.h"
#include "train/nn/decode_tensor.h"

namespace levin::train::nn {
namespace {

using base::ErrorCode;
using base::throw_error;
using formats::CheckpointFiles;

/// The relative step of the coarser dtype in which the two matrices are stored.
double stored_rounding(const CheckpointFiles& files) {
  double rounding = 0.0;
  for (const char* name : {kEmbeddingName, kHeadName}) {
    const formats::CheckpointTensor* found = files.find(name);
    if (found != nullptr) {
      const bool is_f32 = found->tensor->dtype == tensor::DType::kF32;
      rounding = std::max(rounding, is_f32 ? 0x1p-22 : 0x1p-7);
    }
  }
  return rounding;
}

/// lm_head stays; embed_tokens must be `scale` times it.
void tie(const CheckpointFiles& files, double scale, ModelWeights& weights) {
  const at::Tensor expected = weights.lm_head * scale;
  const at::Tensor difference = (weights.embed_tokens - expected).abs();
  const at::Tensor allowed = expected.abs() * stored_rounding(files) + 1e-30;
  const auto outside = (difference > allowed).sum().item<int64_t>();
  if (outside > 0) {
    throw_error(
        ErrorCode::kInvalidFile, files.list_path(),
        "{} is not {} times {}: {} of {} elements differ; leave the tied input scale out to "
        "train the two apart",
        kEmbeddingName, scale, kHeadName, outside, expected.numel());
  }
  weights.embed_tokens = at::Tensor();
  weights.tied_input_scale = scale;
}

void load_tables(const CheckpointFiles& files, const LoadOptions& options, ModelWeights& weights) {
  const Config& config = weights.config;
  const std::vector<int64_t> shape = {config.vocab_size, config.hidden_size};
  weights.embed_tokens = load_tensor(files, kEmbeddingName, shape, options.dtype);
  const bool has_head = files.find(kHeadName) != nullptr;
  if (config.tie_word_embeddings && options.tied_input_scale != 0.0 &&
      options.tied_input_scale != 1.0) {
    throw_error(ErrorCode::kInvalidArgument, files.model_dir(),
                "config.json ties {} and {} as they are; a tied input scale of {} contradicts it",
                kEmbeddingName, kHeadName, options.tied_input_scale);
  }
  weights.lm_head =
      has_head ? load_tensor(files, kHeadName, shape, options.dtype) : weights.embed_tokens;
  if (config.tie_word_embeddings) {
    tie(files, 1.0, weights);
  } else if (options.tied_input_scale != 0.0) {
    tie(files, options.tied_input_scale, weights);
  }
}

}  // namespace

at::Tensor load_tensor(const CheckpointFiles& files, const std::string& name,
                       const std::vector<int64_t>& shape, at::ScalarType dtype) {
  const formats::CheckpointTensor* found = files.find(name);
  if (found == nullptr) {
    throw_error(ErrorCode::kInvalidFile, files.list_path(), "tensor {} is missing", name);
  }
  if (found->tensor->shape != shape) {
    throw_error(ErrorCode::kInvalidFile, found->file->path(), "{}: shape {} expected, file has {}",
                name, formats::shape_text(shape), formats::shape_text(found->tensor->shape));
  }
  if (found->tensor->dtype != tensor::DType::kF8E4m3) {
    return decode_plain(*found, name).to(dtype);
  }
  const formats::CheckpointTensor* scales = files.find(block_scale_name(name));
  if (scales == nullptr) {
    throw_error(ErrorCode::kInvalidFile, found->file->path(), "{} is FP8 but {} is missing", name,
                block_scale_name(name));
  }
  return decode_fp8(*found, *scales, name, dtype);
}

LayerWeights load_layer(const CheckpointFiles& files, const Config& config, int64_t layer_idx,
                        at::ScalarType dtype) {
  LayerWeights layer;
  visit_layer(config, layer_idx, layer, [&](const TensorSpec& spec, at::Tensor& tensor) {
    tensor = load_tensor(files, spec.name, spec.shape, dtype);
  });
  return layer;
}

ModelWeights load_model(const std::string& model_dir, const LoadOptions& options) {
  ModelWeights weights;
  weights.config = model::load_config(model_dir);
  const CheckpointFiles files(model_dir);
  check_tensor_list(files, weights.config);
  for (int64_t layer_idx = 0; layer_idx < weights.config.num_hidden_layers; ++layer_idx) {
    weights.layers.push_back(load_layer(files, weights.config, layer_idx, options.dtype));
  }
  weights.norm =
      load_tensor(files, "model.norm.weight", {weights.config.hidden_size}, options.dtype);
  load_tables(files, options, weights);
  return weights;
}

std::set<std::string> fp8_weight_names(const CheckpointFiles& files) {
  std::set<std::string> names;
  for (const auto& [name, found] : files.tensors()) {
    if (found.tensor->dtype == tensor::DType::kF8E4m3) {
      names.insert(name);
    }
  }
  return names;
}

}  // namespace levin::train::nn
