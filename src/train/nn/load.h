// Reading any official-layout checkpoint into the trainer's tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <set>
#include <string>

#include "formats/checkpoint_files.h"
#include "train/nn/weights.h"

namespace levin::train::nn {

struct LoadOptions {
  /// See ModelWeights. If set, the checkpoint's embed_tokens must equal lm_head times the factor,
  /// to the rounding of its dtype.
  double tied_input_scale = 0.0;
  /// f32, or f64 for comparisons.
  at::ScalarType dtype = at::kFloat;
};

/// Loads `model_dir` (config.json, weights in one file or in shards; BF16, F16, F32, or FP8 with
/// block scales, which are multiplied in). The tensors require no gradient. MTP layers and
/// rotary_emb.inv_freq tensors are skipped.
/// Throws Error(kNotFound | kIo | kInvalidFile | kUnsupported) naming the file and the tensors that
/// are missing, unknown or of another shape.
ModelWeights load_model(const std::string& model_dir, const LoadOptions& options = {});

/// One layer of a checkpoint that is too large to load whole. Errors as load_model.
LayerWeights load_layer(const formats::CheckpointFiles& files, const Config& config,
                        int64_t layer_idx, at::ScalarType dtype);

/// The tensor `name` of the checkpoint, decoded; `shape` is checked. Errors as load_model.
at::Tensor load_tensor(const formats::CheckpointFiles& files, const std::string& name,
                       const std::vector<int64_t>& shape, at::ScalarType dtype);

/// Throws Error(kInvalidFile) with one sentence unless the files hold exactly the tensors that the
/// config asks for, in their shapes.
void check_tensor_list(const formats::CheckpointFiles& files, const Config& config);

/// Names of the weights that the checkpoint stores as FP8.
std::set<std::string> fp8_weight_names(const formats::CheckpointFiles& files);

}  // namespace levin::train::nn
