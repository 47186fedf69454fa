// The tensors of a model in training, under their official names.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "model/config.h"

namespace levin::train::nn {

using model::Config;

/// down(silu(gate x) * (up x)).
struct MlpWeights {
  at::Tensor gate_proj;  ///< [width, hidden_size]
  at::Tensor up_proj;    ///< [width, hidden_size]
  at::Tensor down_proj;  ///< [hidden_size, width]
};

struct MoeWeights {
  at::Tensor gate;                     ///< [n_routed_experts, hidden_size]
  at::Tensor e_score_correction_bias;  ///< [n_routed_experts] f32, no gradient; undefined: none
  std::vector<MlpWeights> experts;     ///< of width moe_intermediate_size
  MlpWeights shared_experts;           ///< undefined tensors if n_shared_experts is 0
};

/// Tensors are undefined in dense models and in layers that share a selection.
struct IndexerWeights {
  at::Tensor wq_b;           ///< [index_n_heads * index_head_dim, q_lora_rank]
  at::Tensor wk;             ///< [index_head_dim, hidden_size]
  at::Tensor k_norm_weight;  ///< [index_head_dim]
  at::Tensor k_norm_bias;    ///< [index_head_dim]
  at::Tensor weights_proj;   ///< [index_n_heads, hidden_size]
};

struct AttentionWeights {
  at::Tensor q_proj;              ///< [heads * qk_head_dim, hidden_size], only if q_lora_rank is 0
  at::Tensor q_a_proj;            ///< [q_lora_rank, hidden_size]
  at::Tensor q_a_layernorm;       ///< [q_lora_rank]
  at::Tensor q_b_proj;            ///< [heads * qk_head_dim, q_lora_rank]
  at::Tensor kv_a_proj_with_mqa;  ///< [kv_lora_rank + qk_rope_head_dim, hidden_size]
  at::Tensor kv_a_layernorm;      ///< [kv_lora_rank]
  at::Tensor kv_b_proj;           ///< [heads * (qk_nope_head_dim + v_head_dim), kv_lora_rank]
  at::Tensor o_proj;              ///< [hidden_size, heads * v_head_dim]
  IndexerWeights indexer;
};

struct LayerWeights {
  at::Tensor input_layernorm;  ///< [hidden_size]
  AttentionWeights self_attn;
  at::Tensor post_attention_layernorm;  ///< [hidden_size]
  std::variant<MlpWeights, MoeWeights> mlp;
};

/// A whole model; one dtype, f32 in training. Copies share their tensors.
///
/// The tie of input and output. A small model learns look-ups an order of magnitude sooner if its
/// embedding and its head are one matrix W, W times a factor (20) on the input side. DeepSeek's
/// function has no such factor, so a checkpoint stores lm_head = W and embed_tokens = factor * W,
/// untied. `tied_input_scale` is that factor. It is a setting of the run (a recipe key), not of the
/// checkpoint: a loader that is given a factor verifies that the two matrices are tied by it and
/// goes on with W = lm_head (load.h).
struct ModelWeights {
  Config config;
  /// 0: embed_tokens and lm_head are two parameters. Else embed_tokens is undefined and stands for
  /// tied_input_scale * lm_head. Always 1 with config.tie_word_embeddings.
  double tied_input_scale = 0.0;
  at::Tensor embed_tokens;  ///< [vocab_size, hidden_size]
  std::vector<LayerWeights> layers;
  at::Tensor norm;     ///< [hidden_size]
  at::Tensor lm_head;  ///< [vocab_size, hidden_size]
};

/// What a tensor is for: which optimizer takes it, how it starts, and in which dtype it is stored.
enum class TensorRole {
  kEmbedding,   ///< embed_tokens, lm_head
  kMatrix,      ///< projections of attention, MLP and experts
  kNorm,        ///< RMSNorm weights
  kRouter,      ///< mlp.gate.weight
  kRouterBias,  ///< e_score_correction_bias: moved by update_router_bias (router.h), no gradient
  kIndexer,     ///< matrices of the indexer
  kIndexerNorm  ///< the indexer's LayerNorm weight and bias
};

/// Of the indexer: kIndexer or kIndexerNorm.
[[nodiscard]] bool is_indexer(TensorRole role);

struct TensorSpec {
  std::string name;  ///< as in the checkpoint
  std::vector<int64_t> shape;
  TensorRole role = TensorRole::kMatrix;
};

/// Called with a tensor's description and its place in the structs above.
using TensorVisitor = std::function<void(const TensorSpec&, at::Tensor&)>;

/// Visits the tensors of one layer in file order; resizes the expert list to the config.
void visit_layer(const Config& config, int64_t layer_idx, LayerWeights& layer,
                 const TensorVisitor& visit);

/// Visits every tensor of the model in file order; resizes the layer list to the config.
/// embed_tokens is skipped if it is tied.
void visit_tensors(ModelWeights& weights, const TensorVisitor& visit);

struct NamedParameter {
  TensorSpec spec;
  at::Tensor tensor;
};

/// Every tensor in file order, router biases included.
std::vector<NamedParameter> named_parameters(const ModelWeights& weights);

/// Which tensors get gradients. Router biases never do.
enum class Trainable { kNothing, kEverything, kIndexer, kModelWithoutIndexer };

/// Sets requires_grad of every tensor and drops the gradients of those that get none.
void set_trainable(const ModelWeights& weights, Trainable trainable);

/// Number of elements of all tensors.
int64_t parameter_count(const ModelWeights& weights);

/// Elements of a layer's tensors by the config alone, nothing allocated.
struct LayerParameterCount {
  int64_t all = 0;
  int64_t indexer = 0;         ///< of them
  int64_t matrices = 0;        ///< of them, TensorRole::kMatrix
  int64_t largest_matrix = 0;  ///< of these
};
LayerParameterCount layer_parameter_count(const Config& config, int64_t layer_idx);

}  // namespace levin::train::nn
