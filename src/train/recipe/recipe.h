// A recipe: everything that a training run is made of. Read from TOML (parse.h); every key with its
// meaning, default and bounds stands in keys.cpp, and in docs/training.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/data/sample.h"

namespace levin::train::recipe {

/// [run]
struct RunSettings {
  int64_t seed = 1;
  int64_t checkpoint_steps = 50;
  int64_t keep_last = 2;
  bool keep_best = true;
};

/// [model.rope_scaling]: YaRN, under the keys of config.json. No scaling if factor is 1.
struct RopeScalingSettings {
  double factor = 1.0;
  int64_t original_max_position_embeddings = 4096;
  double beta_fast = 32.0;
  double beta_slow = 1.0;
  double mscale = 1.0;
  double mscale_all_dim = 1.0;
};

/// [model]: the dense model's shape under the keys of config.json, or the checkpoint to start from.
struct ModelSettings {
  /// Checkpoint folder; beside it only max_position_embeddings, rope_scaling and tied_input_scale
  /// may be given.
  std::string parent;
  int64_t hidden_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t first_k_dense_replace = 1;
  int64_t intermediate_size = 0;
  int64_t moe_intermediate_size = 0;
  int64_t n_routed_experts = 0;
  int64_t n_shared_experts = 1;
  int64_t num_experts_per_tok = 0;
  int64_t n_group = 1;
  int64_t topk_group = 1;
  double routed_scaling_factor = 1.0;
  bool norm_topk_prob = true;
  int64_t num_attention_heads = 0;
  int64_t q_lora_rank = 0;
  int64_t kv_lora_rank = 0;
  int64_t qk_nope_head_dim = 0;
  int64_t qk_rope_head_dim = 0;
  int64_t v_head_dim = 0;
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000.0;
  int64_t max_position_embeddings = 0;
  RopeScalingSettings rope_scaling;
  double tied_input_scale = 0.0;
  int64_t previous_token_heads = 0;
};

/// [indexer]: what the first warm-up or sparse stage adds to a dense model. index_topk 0: nothing.
struct IndexerSettings {
  int64_t index_n_heads = 4;
  int64_t index_head_dim = 128;
  int64_t index_topk = 0;
};

/// [data]
struct DataSettings {
  std::string folder;  ///< as `levin-train data build` wrote it
  std::string name;    ///< the folder's data are built under this name
  std::string corpus_folder = "build/corpus";
  std::string tokenizer;  ///< folder of a model; then vocab_size is its and has no meaning here
  int64_t vocab_size = 4096;
  std::string manifest_sha256;
};

enum class StageKind { kDense, kWarmUp, kSparse };
enum class OptimizerKind { kMuon, kAdamW };
enum class DecayKind { kConstant, kLinear, kCosine };

/// [[stage]], each key defaulting to that of [defaults].
struct StageSettings {
  std::string name;
  StageKind kind = StageKind::kDense;

  int64_t row_tokens = 0;
  int64_t tokens_per_step = 0;
  int64_t accumulation = 1;
  int64_t max_steps = 0;
  int64_t min_steps = 0;
  double stop_accuracy = 0.0;
  double stop_memory = 0.95;

  OptimizerKind optimizer = OptimizerKind::kMuon;
  double lr = 0.02;
  double adamw_lr = 1e-3;
  double indexer_lr = 1e-3;
  double weight_decay = 0.01;
  double muon_momentum = 0.95;
  double beta1 = 0.9;
  double beta2 = 0.95;
  int64_t lr_warmup_steps = 20;
  DecayKind decay = DecayKind::kConstant;
  double decay_share = 0.4;
  double decay_floor = 0.1;
  double clip_norm = 0.0;

  double answer_loss_scale = 2.0;
  double router_bias_speed = 1e-3;
  double balance_loss = 0.0;

  data::SampleSpec sample;

  /// Rows of row_tokens in one step, and in each of its `accumulation` parts.
  [[nodiscard]] int64_t rows_per_step() const { return tokens_per_step / row_tokens; }
  [[nodiscard]] int64_t rows_per_part() const { return rows_per_step() / accumulation; }
};

struct Recipe {
  std::string path;  ///< where it was read, for messages
  RunSettings run;
  ModelSettings model;
  IndexerSettings indexer;
  DataSettings data;
  std::vector<StageSettings> stages;
};

}  // namespace levin::train::recipe
