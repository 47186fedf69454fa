#include "train/nn/save.h"

#include <ATen/ATen.h>

#include <cmath>
#include <filesystem>
#include <span>

#include "base/error.h"
#include "base/files.h"
#include "formats/checkpoint_files.h"
#include "formats/safetensors_writer.h"
#include "train/nn/checkpoint_names.h"
#include "train/nn/config_json.h"

namespace levin::train::nn {
namespace {

using base::ErrorCode;
using base::throw_error;

constexpr int64_t kMaxCompanionBytes = int64_t{256} << 20;

struct StoredTensor {
  TensorSpec spec;
  at::Tensor tensor;
  double factor = 1.0;  ///< applied on the way out
};

/// The tensors of the file in order; a tied embedding becomes what it stands for.
std::vector<StoredTensor> stored_tensors(const ModelWeights& weights) {
  std::vector<StoredTensor> tensors;
  const bool is_one_table = weights.config.tie_word_embeddings;
  if (weights.tied_input_scale != 0.0) {
    tensors.push_back({{kEmbeddingName,
                        {weights.config.vocab_size, weights.config.hidden_size},
                        TensorRole::kEmbedding},
                       weights.lm_head,
                       weights.tied_input_scale});
  }
  for (const NamedParameter& parameter : named_parameters(weights)) {
    if (!(is_one_table && parameter.spec.name == kHeadName)) {
      tensors.push_back({parameter.spec, parameter.tensor});
    }
  }
  return tensors;
}

bool stays_f32(TensorRole role) {
  return role == TensorRole::kRouterBias || role == TensorRole::kIndexerNorm;
}

std::vector<formats::TensorDeclaration> declare(const std::vector<StoredTensor>& tensors,
                                                StoredDtype dtype) {
  std::vector<formats::TensorDeclaration> declarations;
  declarations.reserve(tensors.size());
  for (const StoredTensor& stored : tensors) {
    const bool is_f32 = dtype == StoredDtype::kF32 || stays_f32(stored.spec.role);
    declarations.push_back(
        {stored.spec.name, is_f32 ? tensor::DType::kF32 : tensor::DType::kBf16, stored.spec.shape});
  }
  return declarations;
}

at::Tensor converted(const StoredTensor& stored, tensor::DType dtype, const std::string& path) {
  at::Tensor values = stored.tensor.detach();
  if (stored.factor != 1.0) {
    values = values * stored.factor;
  }
  values = values.to(dtype == tensor::DType::kF32 ? at::kFloat : at::kBFloat16).contiguous();
  if (!std::isfinite(values.sum(at::kDouble).item<double>())) {
    throw_error(ErrorCode::kInvalidArgument, path,
                "{} contains a weight that is NaN or infinite; nothing was written",
                stored.spec.name);
  }
  return values;
}

std::string path_in(const std::string& folder, std::string_view name) {
  return (std::filesystem::path(folder) / name).string();
}

}  // namespace

void save_model(const ModelWeights& weights, const std::string& model_dir, StoredDtype dtype) {
  const at::NoGradGuard no_grad;
  const std::string path = path_in(model_dir, formats::kSingleFileName);
  const std::vector<StoredTensor> tensors = stored_tensors(weights);
  const std::vector<formats::TensorDeclaration> declarations = declare(tensors, dtype);
  formats::SafetensorsWriter writer(path, declarations);
  for (size_t tensor_idx = 0; tensor_idx < tensors.size(); ++tensor_idx) {
    const at::Tensor values = converted(tensors[tensor_idx], declarations[tensor_idx].dtype, path);
    writer.append({static_cast<const std::byte*>(values.data_ptr()), values.nbytes()});
  }
  base::write_file_atomically(
      path_in(model_dir, "config.json"),
      config_json(weights.config, dtype == StoredDtype::kF32 ? "float32" : "bfloat16"));
  writer.finish();
}

void copy_companion_files(const std::string& from_dir, const std::string& to_dir) {
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "generation_config.json"}) {
    const std::string source = path_in(from_dir, name);
    if (base::exists(source)) {
      base::write_file_atomically(path_in(to_dir, name),
                                  base::read_regular_file(source, kMaxCompanionBytes));
    }
  }
}

}  // namespace levin::train::nn
