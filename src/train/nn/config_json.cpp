#include "train/nn/config_json.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace levin::train::nn {
namespace {

using base::ErrorCode;
using base::throw_error;
using model::Config;
using Json = nlohmann::ordered_json;

const char* topk_method_name(model::TopkMethod method) {
  switch (method) {
    case model::TopkMethod::kNoauxTc:
      return "noaux_tc";
    case model::TopkMethod::kGroupLimitedGreedy:
      return "group_limited_greedy";
    case model::TopkMethod::kGreedy:
      return "greedy";
  }
  return "";
}

void add_attention(const Config& config, Json& json) {
  json["num_attention_heads"] = config.num_attention_heads;
  json["num_key_value_heads"] = config.num_attention_heads;
  json["q_lora_rank"] = config.q_lora_rank > 0 ? Json(config.q_lora_rank) : Json(nullptr);
  json["kv_lora_rank"] = config.kv_lora_rank;
  json["qk_nope_head_dim"] = config.qk_nope_head_dim;
  json["qk_rope_head_dim"] = config.qk_rope_head_dim;
  json["v_head_dim"] = config.v_head_dim;
  json["attention_bias"] = false;
  json["attention_dropout"] = 0.0;
}

void add_indexer(const Config& config, Json& json) {
  if (!config.is_sparse()) {
    return;
  }
  json["index_n_heads"] = config.indexer.index_n_heads;
  json["index_head_dim"] = config.indexer.index_head_dim;
  json["index_topk"] = config.indexer.index_topk;
  if (config.indexer.indexer_rope_interleave) {
    json["indexer_rope_interleave"] = true;
  }
  Json types = Json::array();
  bool has_shared = false;
  for (const bool is_full : config.is_full_indexer_layer) {
    types.push_back(is_full ? "full" : "shared");
    has_shared = has_shared || !is_full;
  }
  if (has_shared) {
    json["indexer_types"] = types;
  }
}

void add_mlp(const Config& config, Json& json) {
  json["hidden_act"] = "silu";
  json["intermediate_size"] = config.intermediate_size;
  json["first_k_dense_replace"] = config.first_k_dense_replace;
  if (config.n_routed_experts == 0) {
    return;
  }
  json["moe_layer_freq"] = 1;
  json["moe_intermediate_size"] = config.moe_intermediate_size;
  json["n_routed_experts"] = config.n_routed_experts;
  json["n_shared_experts"] = config.n_shared_experts;
  json["num_experts_per_tok"] = config.num_experts_per_tok;
  json["n_group"] = config.n_group;
  json["topk_group"] = config.topk_group;
  json["topk_method"] = topk_method_name(config.topk_method);
  json["scoring_func"] =
      config.scoring_func == model::ScoringFunc::kSigmoid ? "sigmoid" : "softmax";
  json["norm_topk_prob"] = config.norm_topk_prob;
  json["routed_scaling_factor"] = config.routed_scaling_factor;
}

void add_rope(const Config& config, Json& json) {
  json["rope_theta"] = config.rope_theta;
  const model::RopeScaling& scaling = config.rope_scaling;
  json["rope_scaling"] =
      scaling.is_yarn
          ? Json{{"type", "yarn"},
                 {"factor", scaling.factor},
                 {"original_max_position_embeddings", scaling.original_max_position_embeddings},
                 {"beta_fast", scaling.beta_fast},
                 {"beta_slow", scaling.beta_slow},
                 {"mscale", scaling.mscale},
                 {"mscale_all_dim", scaling.mscale_all_dim}}
          : Json(nullptr);
  json["max_position_embeddings"] = config.max_position_embeddings;
}

void add_tokens(const Config& config, Json& json) {
  if (config.bos_token_id >= 0) {
    json["bos_token_id"] = config.bos_token_id;
  }
  if (config.eos_token_ids.size() == 1) {
    json["eos_token_id"] = config.eos_token_ids.front();
  } else if (!config.eos_token_ids.empty()) {
    json["eos_token_id"] = config.eos_token_ids;
  }
}

}  // namespace

std::string config_json(const Config& config, const std::string& torch_dtype) {
  Json json;
  json["architectures"] = {config.architecture};
  json["model_type"] = config.model_type;
  json["vocab_size"] = config.vocab_size;
  json["hidden_size"] = config.hidden_size;
  json["num_hidden_layers"] = config.num_hidden_layers;
  json["num_nextn_predict_layers"] = 0;
  json["rms_norm_eps"] = config.rms_norm_eps;
  add_attention(config, json);
  add_indexer(config, json);
  add_mlp(config, json);
  add_rope(config, json);
  add_tokens(config, json);
  json["tie_word_embeddings"] = config.tie_word_embeddings;
  json["torch_dtype"] = torch_dtype;
  return json.dump(2) + "\n";
}

Config with_indexer(const Config& dense, int64_t index_n_heads, int64_t index_head_dim,
                    int64_t index_topk) {
  if (dense.is_sparse()) {
    throw_error(ErrorCode::kInvalidArgument, "", "the model is a {} already, it has an indexer",
                dense.model_type);
  }
  if (dense.model_type != "deepseek_v3" && dense.model_type != "kimi_k2") {
    throw_error(
        ErrorCode::kUnsupported, "",
        "no sparse architecture belongs to model_type {}; deepseek_v3 or kimi_k2 is expected",
        dense.model_type);
  }
  Config sparse = dense;
  sparse.model_type = "deepseek_v32";
  sparse.architecture = "DeepseekV32ForCausalLM";
  sparse.indexer.index_n_heads = index_n_heads;
  sparse.indexer.index_head_dim = index_head_dim;
  sparse.indexer.index_topk = index_topk;
  sparse.is_full_indexer_layer.assign(static_cast<size_t>(dense.num_hidden_layers), true);
  try {
    return model::parse_config(config_json(sparse, "float32"), "indexer");
  } catch (const base::Error& error) {
    throw base::Error(
        error.code() == ErrorCode::kInvalidFile ? ErrorCode::kInvalidArgument : error.code(),
        error.what());
  }
}

}  // namespace levin::train::nn
