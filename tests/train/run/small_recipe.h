// A model with four experts that trains in a second, a recipe of it for tests of single steps, and
// a model of the size of recipes/mini.
#pragma once

#include <string>

namespace levin::train::run {

/// The [model] of a recipe; `keys` are more of it.
inline std::string small_model(const std::string& keys) {
  return R"([model]
hidden_size = 32
num_hidden_layers = 2
intermediate_size = 64
moe_intermediate_size = 32
n_routed_experts = 4
num_experts_per_tok = 2
num_attention_heads = 2
q_lora_rank = 32
kv_lora_rank = 32
qk_nope_head_dim = 16
qk_rope_head_dim = 16
v_head_dim = 16
max_position_embeddings = 256
)" + keys;
}

/// The [model] of a model as wide as that of recipes/mini; `keys` are more of it, among them
/// max_position_embeddings.
inline std::string mini_sized_model(const std::string& keys) {
  return R"([model]
hidden_size = 256
num_hidden_layers = 4
intermediate_size = 256
moe_intermediate_size = 128
n_routed_experts = 8
num_experts_per_tok = 2
n_group = 2
num_attention_heads = 8
q_lora_rank = 128
kv_lora_rank = 256
qk_nope_head_dim = 64
qk_rope_head_dim = 32
v_head_dim = 64
)" + keys;
}

/// Recipe text; `model_keys` go to [model], `stages` to the end. Its data is not there.
inline std::string small_recipe(const std::string& model_keys, const std::string& stages) {
  return small_model(model_keys) + R"(
[indexer]
index_n_heads = 2
index_head_dim = 32
index_topk = 8
[data]
folder = "none"
)" + stages;
}

}  // namespace levin::train::run
