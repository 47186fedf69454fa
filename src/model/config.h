// Hyperparameters of a model, under the exact keys of the released config.json.
// Source: spec model.md 1.1 and 1.15 (docs/model.md), checkpoint rules in checkpoint.md 2.8.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace levin::model {

enum class ScoringFunc { kSigmoid, kSoftmax };
enum class TopkMethod {
  kNoauxTc,             ///< bias for choosing, group value = sum of its two best
  kGroupLimitedGreedy,  ///< no bias, group value = its best
  kGreedy,              ///< no bias, no groups
};

/// YaRN parameters, used only if `is_yarn` (rope_scaling null or "default": no scaling).
struct RopeScaling {
  bool is_yarn = false;
  double factor = 1.0;
  double beta_fast = 32.0;
  double beta_slow = 1.0;
  double mscale = 1.0;
  double mscale_all_dim = 0.0;
  int64_t original_max_position_embeddings = 4096;
};

/// The lightning indexer's part; absent (index_topk 0) in dense models.
struct IndexerConfig {
  int64_t index_n_heads = 0;
  int64_t index_head_dim = 0;
  int64_t index_topk = 0;
  /// Adjacent pairs rotate (GLM) instead of halves (DeepSeek).
  bool indexer_rope_interleave = false;
  /// Hadamard transform and FP8 keys: DeepSeek yes, GLM no.
  bool has_hadamard_fp8 = true;
};

struct Config {
  std::string architecture;  ///< "DeepseekV32ForCausalLM", ...
  std::string model_type;    ///< "deepseek_v32", ...

  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t first_k_dense_replace = 0;
  int64_t intermediate_size = 0;
  int64_t moe_intermediate_size = 0;
  int64_t n_routed_experts = 0;
  int64_t n_shared_experts = 0;
  int64_t num_experts_per_tok = 0;
  int64_t n_group = 1;
  int64_t topk_group = 1;
  TopkMethod topk_method = TopkMethod::kNoauxTc;
  ScoringFunc scoring_func = ScoringFunc::kSigmoid;
  bool norm_topk_prob = true;
  double routed_scaling_factor = 1.0;

  int64_t num_attention_heads = 0;
  int64_t q_lora_rank = 0;  ///< 0: queries are not compressed
  int64_t kv_lora_rank = 0;
  int64_t qk_nope_head_dim = 0;
  int64_t qk_rope_head_dim = 0;
  int64_t v_head_dim = 0;

  IndexerConfig indexer;
  /// Per layer: runs its own indexer ("full") or reuses the previous full layer's selection.
  /// Empty in dense models.
  std::vector<bool> is_full_indexer_layer;

  double rms_norm_eps = 1e-6;
  double rope_theta = 10000.0;
  RopeScaling rope_scaling;
  int64_t max_position_embeddings = 0;
  bool tie_word_embeddings = false;
  int64_t num_nextn_predict_layers = 0;
  int64_t bos_token_id = 0;  ///< -1: the model has none
  std::vector<int64_t> eos_token_ids;

  bool has_fp8_weights = false;  ///< quantization_config is present
  /// scale_fmt was set in any way: scales of quantised activations are powers of two.
  bool has_ue8m0_scales = false;
  /// No golden exists for this architecture (GLM); said once at load.
  bool is_experimental = false;

  [[nodiscard]] int64_t qk_head_dim() const noexcept { return qk_nope_head_dim + qk_rope_head_dim; }
  /// Numbers of one cached row: latent and rotary key.
  [[nodiscard]] int64_t kv_row_dim() const noexcept { return kv_lora_rank + qk_rope_head_dim; }
  [[nodiscard]] bool is_sparse() const noexcept { return indexer.index_topk > 0; }
  [[nodiscard]] bool is_moe_layer(int64_t layer_idx) const noexcept {
    return n_routed_experts > 0 && layer_idx >= first_k_dense_replace;
  }
  [[nodiscard]] bool has_router_bias() const noexcept {
    return topk_method == TopkMethod::kNoauxTc;
  }
  /// The latent is rounded through FP8 groups of 128 by the official V3.2 code (model.md 1.3, 6).
  [[nodiscard]] bool has_fp8_latent() const noexcept {
    return is_sparse() && indexer.has_hadamard_fp8 && kv_lora_rank % 128 == 0;
  }
  /// 1/sqrt(qk_head_dim), times the square of YaRN's mscale (model.md 1.3).
  [[nodiscard]] double softmax_scale() const noexcept;
};

/// Parses and validates `config.json` text field by field (checkpoint.md 2.8, steps 1 to 3).
/// Unknown keys that may matter are logged once as a warning. `where` names the file in errors.
/// Throws Error(kInvalidFile) for malformed or contradictory fields, Error(kUnsupported) for
/// values that change the mathematics in ways this program does not know, naming key and value.
Config parse_config(const std::string& json_text, const std::string& where);

/// parse_config of `model_dir`/config.json.
Config load_config(const std::string& model_dir);

}  // namespace levin::model
