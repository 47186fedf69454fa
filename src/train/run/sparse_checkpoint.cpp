#include "train/run/sparse_checkpoint.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/durable.h"
#include "base/error.h"
#include "base/files.h"
#include "formats/json.h"
#include "formats/safetensors_writer.h"
#include "train/nn/save.h"

namespace levin::train::run {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxConfigBytes = int64_t{16} << 20;

std::string shard_name(int64_t layer_idx) {
  return fmt::format("indexer-layer-{:04}.safetensors", layer_idx);
}

void write_config(const std::string& dense_dir, const model::Config& sparse,
                  const std::string& folder) {
  const std::string path = dense_dir + "/config.json";
  nlohmann::json config = formats::parse_json(base::read_regular_file(path, kMaxConfigBytes), path);
  config["architectures"] = {sparse.architecture};
  config["model_type"] = sparse.model_type;
  config["index_n_heads"] = sparse.indexer.index_n_heads;
  config["index_head_dim"] = sparse.indexer.index_head_dim;
  config["index_topk"] = sparse.indexer.index_topk;
  base::write_file_atomically(folder + "/config.json", config.dump(2) + "\n");
}

/// Under a temporary name first: what has the name of a copy is one.
void copy_once(const std::string& from, const std::string& to) {
  if (fs::exists(to)) {
    return;
  }
  const std::string part = to + ".tmp";
  std::error_code error;
  fs::copy_file(from, part, fs::copy_options::overwrite_existing, error);
  if (error) {
    std::error_code ignored;
    fs::remove(part, ignored);
    base::throw_error(base::ErrorCode::kIo, to, "cannot copy {} to it: {}", from, error.message());
  }
  base::sync_path(part);
  fs::rename(part, to);
}

}  // namespace

void write_layer_indexer(const std::vector<nn::NamedParameter>& indexer, int64_t layer_idx,
                         const std::string& folder) {
  std::vector<at::Tensor> values;
  std::vector<formats::NamedTensor> tensors;
  for (const nn::NamedParameter& parameter : indexer) {
    const bool is_f32 = parameter.spec.role == nn::TensorRole::kIndexerNorm;
    const at::Tensor stored =
        parameter.tensor.detach().to(is_f32 ? at::kFloat : at::kBFloat16).contiguous();
    values.push_back(stored);
    tensors.push_back({parameter.spec.name,
                       is_f32 ? tensor::DType::kF32 : tensor::DType::kBf16,
                       parameter.spec.shape,
                       {static_cast<const std::byte*>(stored.data_ptr()), stored.nbytes()}});
  }
  formats::write_safetensors(folder + "/" + shard_name(layer_idx), tensors);
}

void write_sparse_checkpoint(const std::string& dense_dir, const formats::CheckpointFiles& dense,
                             const model::Config& sparse, const base::CancelToken& cancel,
                             const std::string& folder) {
  nlohmann::json weight_map;
  int64_t total_bytes = 0;
  std::set<std::string> copied;
  for (const auto& [name, stored] : dense.tensors()) {
    // A single file keeps its name out of the way of the index's rule: shards are listed by it.
    const std::string file = stored.file->file_name();
    const std::string target =
        file == formats::kSingleFileName ? "model-00001-of-00001.safetensors" : file;
    if (copied.insert(file).second) {
      cancel.throw_if_cancelled();
      copy_once(stored.file->path(), (fs::path(folder) / target).string());
    }
    weight_map[name] = target;
    total_bytes += static_cast<int64_t>(stored.tensor->bytes.size());
  }
  for (int64_t layer_idx = 0; layer_idx < sparse.num_hidden_layers; ++layer_idx) {
    const formats::SafetensorsFile shard(folder + "/" + shard_name(layer_idx));
    for (const auto& [name, stored] : shard.tensors()) {
      weight_map[name] = shard_name(layer_idx);
      total_bytes += static_cast<int64_t>(stored.bytes.size());
    }
  }
  const nlohmann::json index = {{"metadata", {{"total_size", total_bytes}}},
                                {"weight_map", weight_map}};
  base::write_file_atomically(folder + "/" + std::string(formats::kIndexFileName),
                              index.dump(1) + "\n");
  nn::copy_companion_files(dense_dir, folder);
  write_config(dense_dir, sparse, folder);
}

}  // namespace levin::train::run
