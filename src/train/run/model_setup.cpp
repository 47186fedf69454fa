#include "train/run/model_setup.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "train/data/marks.h"
#include "train/nn/config_json.h"
#include "train/nn/init.h"
#include "train/nn/load.h"
#include "train/run/parent_checks.h"

namespace levin::train::run {
namespace {

using base::ErrorCode;
using base::throw_error;
using model::Config;

/// Passes a config through the checks of config.json.
Config checked(const Config& config, const std::string& where) {
  return model::parse_config(nn::config_json(config, "float32"), where);
}

void set_rope_scaling(const recipe::RopeScalingSettings& settings, Config& config) {
  if (settings.factor == 1.0) {
    return;
  }
  model::RopeScaling& scaling = config.rope_scaling;
  scaling.is_yarn = true;
  scaling.factor = settings.factor;
  scaling.original_max_position_embeddings = settings.original_max_position_embeddings;
  scaling.beta_fast = settings.beta_fast;
  scaling.beta_slow = settings.beta_slow;
  scaling.mscale = settings.mscale;
  scaling.mscale_all_dim = settings.mscale_all_dim;
}

Config parent_config(const recipe::Recipe& recipe, int64_t vocab_size) {
  const recipe::ModelSettings& settings = recipe.model;
  Config config = model::load_config(settings.parent);
  if (config.vocab_size < vocab_size) {
    throw_error(ErrorCode::kInvalidArgument, settings.parent,
                "the model knows {} tokens, the tokenizer of {} has {}: the data is of another "
                "tokenizer",
                config.vocab_size, recipe.data.folder, vocab_size);
  }
  require_same_indexer(recipe, config);
  extend_context(recipe, config);
  return checked(config, recipe.path);
}

/// The sparse form of a dense model.
Config with_recipes_indexer(const recipe::Recipe& recipe, const Config& dense) {
  const recipe::IndexerSettings& settings = recipe.indexer;
  if (settings.index_topk == 0) {
    throw_error(ErrorCode::kInvalidArgument, recipe.path,
                "the model has no indexer yet; give [indexer] index_topk");
  }
  try {
    return nn::with_indexer(dense, settings.index_n_heads, settings.index_head_dim,
                            settings.index_topk);
  } catch (const base::Error& error) {
    throw_error(error.code(), recipe.path, "[indexer] cannot be added: {}", error.what());
  }
}

}  // namespace

Config config_from_recipe(const recipe::Recipe& recipe, const TokenIds& ids) {
  const recipe::ModelSettings& settings = recipe.model;
  Config config;
  config.architecture = "DeepseekV3ForCausalLM";
  config.model_type = "deepseek_v3";
  config.vocab_size = ids.vocab_size;
  config.hidden_size = settings.hidden_size;
  config.num_hidden_layers = settings.num_hidden_layers;
  config.first_k_dense_replace = settings.first_k_dense_replace;
  config.intermediate_size = settings.intermediate_size;
  config.moe_intermediate_size = settings.moe_intermediate_size;
  config.n_routed_experts = settings.n_routed_experts;
  config.n_shared_experts = settings.n_shared_experts;
  config.num_experts_per_tok = settings.num_experts_per_tok;
  config.n_group = settings.n_group;
  config.topk_group = settings.topk_group;
  config.routed_scaling_factor = settings.routed_scaling_factor;
  config.norm_topk_prob = settings.norm_topk_prob;
  config.num_attention_heads = settings.num_attention_heads;
  config.q_lora_rank = settings.q_lora_rank;
  config.kv_lora_rank = settings.kv_lora_rank;
  config.qk_nope_head_dim = settings.qk_nope_head_dim;
  config.qk_rope_head_dim = settings.qk_rope_head_dim;
  config.v_head_dim = settings.v_head_dim;
  config.rms_norm_eps = settings.rms_norm_eps;
  config.rope_theta = settings.rope_theta;
  config.max_position_embeddings = settings.max_position_embeddings;
  config.bos_token_id = ids.bos;
  config.eos_token_ids = {ids.eos};
  set_rope_scaling(settings.rope_scaling, config);
  return checked(config, recipe.path);
}

TokenIds token_ids(const text::Tokenizer& tokenizer) {
  const data::Marks marks = data::find_marks(tokenizer);
  return {tokenizer.vocab_size(), marks.bos, marks.eos};
}

Config starting_config(const recipe::Recipe& recipe, const TokenIds& ids) {
  return recipe.model.parent.empty() ? config_from_recipe(recipe, ids)
                                     : parent_config(recipe, ids.vocab_size);
}

Config config_of_stages(const recipe::Recipe& recipe, const Config& config,
                        int64_t first_stage_idx) {
  const bool needs_indexer =
      std::any_of(recipe.stages.begin() + first_stage_idx, recipe.stages.end(),
                  [](const auto& stage) { return stage.kind != recipe::StageKind::kDense; });
  return needs_indexer && !config.is_sparse() ? with_recipes_indexer(recipe, config) : config;
}

nn::ModelWeights starting_weights(const recipe::Recipe& recipe, const TokenIds& ids) {
  const recipe::ModelSettings& settings = recipe.model;
  const Config config = starting_config(recipe, ids);
  if (!settings.parent.empty()) {
    nn::ModelWeights weights =
        nn::load_model(settings.parent, {.tied_input_scale = settings.tied_input_scale});
    weights.config = config;
    return weights;
  }
  nn::InitOptions options =
      nn::research_init(static_cast<uint64_t>(recipe.run.seed), settings.previous_token_heads);
  options.tied_input_scale = settings.tied_input_scale;
  return nn::init_model(config, options);
}

void ensure_indexer(nn::ModelWeights& weights, const recipe::Recipe& recipe) {
  if (!weights.config.is_sparse()) {
    nn::add_indexer(weights, with_recipes_indexer(recipe, weights.config),
                    static_cast<uint64_t>(recipe.run.seed));
  }
}

}  // namespace levin::train::run
