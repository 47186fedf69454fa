// The tensors of a checkpoint, mapped and checked, by the place where the forward pass uses them.
// Names and shapes: checkpoint.md 2.2 (docs/model.md).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/function_ref.h"
#include "base/thread_pool.h"
#include "model/config.h"
#include "tensor/buffer.h"
#include "tensor/weight_matrix.h"

namespace levin::model {

using tensor::WeightMatrix;

/// Small vectors (norm weights, biases) are widened to float32 at load.
using F32Vector = std::vector<float>;

struct IndexerWeights {
  WeightMatrix wq_b;          // [index_n_heads * index_head_dim, q_lora_rank]
  WeightMatrix wk;            // [index_head_dim, hidden_size]
  F32Vector k_norm_weight;    // [index_head_dim]
  F32Vector k_norm_bias;      // [index_head_dim]
  WeightMatrix weights_proj;  // [index_n_heads, hidden_size]
};

struct AttentionWeights {
  WeightMatrix q_proj;       // [heads * qk_head_dim, hidden_size], only if q_lora_rank == 0
  WeightMatrix q_a_proj;     // [q_lora_rank, hidden_size]
  F32Vector q_a_layernorm;   // [q_lora_rank]
  WeightMatrix q_b_proj;     // [heads * qk_head_dim, q_lora_rank]
  WeightMatrix kv_a_proj;    // [kv_lora_rank + qk_rope_head_dim, hidden_size]
  F32Vector kv_a_layernorm;  // [kv_lora_rank]
  WeightMatrix kv_b_proj;    // [heads * (qk_nope_head_dim + v_head_dim), kv_lora_rank]
  WeightMatrix o_proj;       // [hidden_size, heads * v_head_dim]
  /// W^UK transposed per head, bf16 (float32 product of code and scale, rounded once), made at
  /// load: row h * kv_lora_rank + c holds kv_b_proj[h * (nope + v) + 0..nope, c].
  WeightMatrix k_up_transposed;  // [heads * kv_lora_rank, qk_nope_head_dim]
  IndexerWeights indexer;        // empty matrices where the layer has no indexer
};

struct MlpWeights {
  WeightMatrix gate_proj;  // [width, hidden_size]
  WeightMatrix up_proj;    // [width, hidden_size]
  WeightMatrix down_proj;  // [hidden_size, width]
};

struct MoeWeights {
  WeightMatrix gate;                  // [n_routed_experts, hidden_size]
  F32Vector e_score_correction_bias;  // [n_routed_experts], empty if the checkpoint has none
  std::vector<MlpWeights> experts;    // [n_routed_experts]
  MlpWeights shared_experts;          // width n_shared_experts * moe_intermediate_size
};

struct LayerWeights {
  F32Vector input_layernorm;  // [hidden_size]
  AttentionWeights attention;
  F32Vector post_attention_layernorm;  // [hidden_size]
  MlpWeights mlp;                      // dense layers
  MoeWeights moe;                      // MoE layers
};

enum class WeightEncoding {
  kAsIs,  ///< read the file's own bytes through the map
  kInt8,  ///< re-encode the large matrices at load: int8, groups of 64, f16 scales
};

struct LoadOptions {
  WeightEncoding encoding = WeightEncoding::kAsIs;
  /// FP8 matrices must have a multiple of 128 inputs: reference numerics round these in groups.
  bool needs_fp8_groups = false;
  const base::CancelToken* cancel = nullptr;
};

/// Called now and then with bytes done and bytes in total (re-encoding and copies only).
using OnLoadProgress = base::FunctionRef<void(int64_t done_bytes, int64_t total_bytes)>;

/// For whoever does not ask how far a load is.
inline constexpr auto kNoLoadProgress = [](int64_t /*done_bytes*/, int64_t /*total_bytes*/) {};

/// Owns the mapped files and the copies; the views in it stay valid while it lives.
class Weights {
 public:
  /// Maps and checks a checkpoint folder (checkpoint.md 2.2 to 2.8, steps 4 to 7): every expected
  /// tensor with its shape and an accepted dtype, scales finite and positive, tensors of MTP
  /// layers left alone with one log line, unexpected ones warned about. Router biases that
  /// topk_method does not announce are used, with a warning: official code looks at the tensor.
  /// Throws Error(kInvalidFile | kNotFound | kUnsupported | kOutOfMemory) with file and tensor.
  static std::unique_ptr<Weights> load(const std::string& model_dir, const Config& config,
                                       base::ThreadPool& pool, const LoadOptions& options = {},
                                       OnLoadProgress on_progress = kNoLoadProgress);

  /// Maps, checks and counts as load does, but makes no copy of a matrix: to look at, not for a
  /// forward pass. Throws as load, but not for want of memory.
  static std::unique_ptr<Weights> open(const std::string& model_dir, const Config& config,
                                       const LoadOptions& options = {});

  virtual ~Weights() = default;

  WeightMatrix embed_tokens;         // [vocab_size, hidden_size]
  std::vector<LayerWeights> layers;  // [num_hidden_layers]
  F32Vector norm;                    // [hidden_size]
  WeightMatrix lm_head;              // [vocab_size, hidden_size]

  int64_t mapped_bytes = 0;  ///< bytes of the mapped tensors that the forward pass reads
  int64_t copied_bytes = 0;  ///< anonymous memory of the copies that load makes

 protected:
  Weights() = default;
};

/// One tensor that a checkpoint of `config` must hold. `synth` writes exactly these.
struct ExpectedTensor {
  std::string name;            ///< official name, with ".weight" or ".bias"
  std::vector<int64_t> shape;  ///< [out, in] or [n]
  bool may_be_fp8 = false;     ///< quantised in FP8 releases
  bool is_norm_or_bias = false;
};

/// Every tensor of the main model, in file order.
std::vector<ExpectedTensor> expected_tensors(const Config& config);

}  // namespace levin::model
