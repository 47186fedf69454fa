#include "model/weights.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "formats/checkpoint_files.h"
#include "formats/tensor_values.h"
#include "model/weights_arena.h"
#include "model/weights_check.h"
#include "model/weights_expected.h"
#include "model/weights_int8.h"
#include "model/weights_key_up.h"
#include "model/weights_tasks.h"

namespace levin::model {
namespace {

using base::ErrorCode;
using formats::CheckpointFiles;
using formats::CheckpointTensor;
using tensor::DType;
using tensor::WeightFormat;

/// Weights together with the memory that their views point into.
struct LoadedWeights final : Weights {
  explicit LoadedWeights(const std::string& model_dir) : files(model_dir) {}

  CheckpointFiles files;
  WeightsArena arena;
};

/// Points the members of Weights at their tensors, which check_checkpoint has approved.
class Binder {
 public:
  Binder(const Config& config, LoadedWeights& weights) : config_(config), weights_(weights) {}

  void run() {
    matrix("model.embed_tokens.weight", weights_.embed_tokens);
    weights_.layers.resize(static_cast<size_t>(config_.num_hidden_layers));
    for (int64_t layer_idx = 0; layer_idx < config_.num_hidden_layers; ++layer_idx) {
      layer(layer_idx, weights_.layers[static_cast<size_t>(layer_idx)]);
    }
    vector("model.norm.weight", weights_.norm);
    head();
  }

  /// Matrices that `kInt8` re-encodes: all but the embedding, the router and weights_proj.
  [[nodiscard]] const std::vector<MatrixSlot>& large_matrices() const noexcept { return large_; }

 private:
  const CheckpointTensor& find(const std::string& name) const {
    const CheckpointTensor* tensor = weights_.files.find(name);
    LEVIN_CHECK(tensor != nullptr);
    return *tensor;
  }

  void vector(const std::string& name, F32Vector& out) {
    const CheckpointTensor& found = find(name);
    out = formats::to_f32_values(*found.tensor, found.file->path() + ": " + name);
    for (size_t i = 0; i < out.size(); ++i) {
      if (!std::isfinite(out[i])) {
        base::throw_error(ErrorCode::kInvalidFile, found.file->path(),
                          "{}: element {} is {}, a finite number is expected", name, i, out[i]);
      }
    }
    weights_.copied_bytes += static_cast<int64_t>(out.size() * sizeof(float));
  }

  /// Points `out` at the stored tensor.
  void map_matrix(const std::string& name, WeightMatrix& out) {
    const formats::SafetensorsTensor& source = *find(name).tensor;
    out.rows = source.shape[0];
    out.cols = source.shape[1];
    out.data = source.bytes.data();
    if (source.dtype == DType::kF32) {
      out.format = WeightFormat::kF32;
    } else if (source.dtype == DType::kF16) {
      out.format = WeightFormat::kF16;
    } else if (source.dtype == DType::kBf16) {
      out.format = WeightFormat::kBf16;
    } else {
      const formats::SafetensorsTensor& scales = *find(scale_name(name)).tensor;
      out.format = WeightFormat::kFp8Block;
      out.block_scales = scales.bytes.data();
      out.scale_cols = scales.shape[1];
    }
  }

  void matrix(const std::string& name, WeightMatrix& out) {
    map_matrix(name, out);
    weights_.mapped_bytes += out.read_bytes();
  }

  void large_matrix(const std::string& name, WeightMatrix& out) {
    map_matrix(name, out);
    large_.push_back({&out, name});
  }

  void layer(int64_t layer_idx, LayerWeights& out) {
    const std::string prefix = layer_prefix(layer_idx);
    vector(prefix + "input_layernorm.weight", out.input_layernorm);
    attention(prefix + "self_attn.", out.attention);
    if (config_.is_sparse() && config_.is_full_indexer_layer[static_cast<size_t>(layer_idx)]) {
      indexer(prefix + "self_attn.indexer.", out.attention.indexer);
    }
    vector(prefix + "post_attention_layernorm.weight", out.post_attention_layernorm);
    if (config_.is_moe_layer(layer_idx)) {
      moe(layer_idx, prefix + "mlp.", out.moe);
    } else {
      mlp(prefix + "mlp.", out.mlp);
    }
  }

  void attention(const std::string& prefix, AttentionWeights& out) {
    if (config_.q_lora_rank == 0) {
      large_matrix(prefix + "q_proj.weight", out.q_proj);
    } else {
      large_matrix(prefix + "q_a_proj.weight", out.q_a_proj);
      vector(prefix + "q_a_layernorm.weight", out.q_a_layernorm);
      large_matrix(prefix + "q_b_proj.weight", out.q_b_proj);
    }
    large_matrix(prefix + "kv_a_proj_with_mqa.weight", out.kv_a_proj);
    vector(prefix + "kv_a_layernorm.weight", out.kv_a_layernorm);
    large_matrix(prefix + "kv_b_proj.weight", out.kv_b_proj);
    large_matrix(prefix + "o_proj.weight", out.o_proj);
  }

  void indexer(const std::string& prefix, IndexerWeights& out) {
    large_matrix(prefix + "wq_b.weight", out.wq_b);
    large_matrix(prefix + "wk.weight", out.wk);
    vector(prefix + "k_norm.weight", out.k_norm_weight);
    vector(prefix + "k_norm.bias", out.k_norm_bias);
    matrix(prefix + "weights_proj.weight", out.weights_proj);
  }

  void mlp(const std::string& prefix, MlpWeights& out) {
    large_matrix(prefix + "gate_proj.weight", out.gate_proj);
    large_matrix(prefix + "up_proj.weight", out.up_proj);
    large_matrix(prefix + "down_proj.weight", out.down_proj);
  }

  void moe(int64_t layer_idx, const std::string& prefix, MoeWeights& out) {
    matrix(prefix + "gate.weight", out.gate);
    if (weights_.files.find(router_bias_name(layer_idx)) != nullptr) {
      vector(router_bias_name(layer_idx), out.e_score_correction_bias);
    }
    out.experts.resize(static_cast<size_t>(config_.n_routed_experts));
    for (int64_t expert_idx = 0; expert_idx < config_.n_routed_experts; ++expert_idx) {
      mlp(fmt::format("{}experts.{}.", prefix, expert_idx),
          out.experts[static_cast<size_t>(expert_idx)]);
    }
    if (config_.n_shared_experts > 0) {
      mlp(prefix + "shared_experts.", out.shared_experts);
    }
  }

  void head() {
    if (!config_.tie_word_embeddings) {
      large_matrix("lm_head.weight", weights_.lm_head);
      return;
    }
    check_tied_head();
    weights_.lm_head = weights_.embed_tokens;
    large_.push_back({&weights_.lm_head, "lm_head.weight"});
  }

  /// A tied checkpoint may hold the head as well, if it is the embedding.
  void check_tied_head() const {
    const CheckpointTensor* stored = weights_.files.find("lm_head.weight");
    const formats::SafetensorsTensor& embedding = *find("model.embed_tokens.weight").tensor;
    if (stored != nullptr &&
        (stored->tensor->dtype != embedding.dtype || stored->tensor->shape != embedding.shape ||
         std::memcmp(stored->tensor->bytes.data(), embedding.bytes.data(),
                     embedding.bytes.size()) != 0)) {
      throw base::Error(ErrorCode::kUnsupported,
                        "lm_head.weight differs from model.embed_tokens.weight, but config.json "
                        "has tie_word_embeddings true; set it to false or remove the tensor",
                        stored->file->path());
    }
  }

  const Config& config_;
  LoadedWeights& weights_;
  std::vector<MatrixSlot> large_;
};

/// Bytes of the large matrices in mapped form; a head that is the embedding is counted there.
int64_t mapped_bytes_of(const std::vector<MatrixSlot>& slots, const WeightMatrix& embedding) {
  int64_t bytes = 0;
  for (const MatrixSlot& slot : slots) {
    bytes += slot.matrix->data == embedding.data ? 0 : slot.matrix->read_bytes();
  }
  return bytes;
}

/// Checked and bound to the files; what will be copied is planned in the arena and counted, not
/// made. `large` becomes the large matrices, in their mapped form.
std::unique_ptr<LoadedWeights> bind_checkpoint(const std::string& model_dir, const Config& config,
                                               const LoadOptions& options,
                                               std::vector<MatrixSlot>& large) {
  auto weights = std::make_unique<LoadedWeights>(model_dir);
  check_checkpoint(weights->files, config, options);
  Binder binder(config, *weights);
  binder.run();
  large = binder.large_matrices();
  for (size_t layer_idx = 0; layer_idx < weights->layers.size(); ++layer_idx) {
    weights->arena.plan(key_up_bytes(config));
    weights->copied_bytes += key_up_bytes(config);
  }
  if (options.encoding == WeightEncoding::kInt8) {
    weights->copied_bytes += plan_int8(large, weights->arena);
  } else {
    weights->mapped_bytes += mapped_bytes_of(large, weights->embed_tokens);
  }
  return weights;
}

}  // namespace

std::unique_ptr<Weights> Weights::open(const std::string& model_dir, const Config& config,
                                       const LoadOptions& options) {
  std::vector<MatrixSlot> large;
  return bind_checkpoint(model_dir, config, options, large);
}

std::unique_ptr<Weights> Weights::load(const std::string& model_dir, const Config& config,
                                       base::ThreadPool& pool, const LoadOptions& options,
                                       OnLoadProgress on_progress) {
  std::vector<MatrixSlot> large;
  auto weights = bind_checkpoint(model_dir, config, options, large);
  const bool is_int8 = options.encoding == WeightEncoding::kInt8;
  LoadProgress progress{.on_progress = on_progress,
                        .total_bytes = key_up_source_bytes(config, *weights) +
                                       (is_int8 ? int8_source_bytes(large) : 0)};
  weights->arena.allocate();
  make_key_up(config, *weights, weights->arena, pool, options, progress);
  if (is_int8) {
    encode_int8_matrices(large, weights->arena, pool, options, progress);
  }
  return weights;
}

}  // namespace levin::model
