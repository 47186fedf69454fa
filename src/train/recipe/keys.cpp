#include "train/recipe/keys.h"

namespace levin::train::recipe {
namespace {

constexpr double kMaxExtent = 1 << 20;
constexpr double kMaxCount = 1e9;
/// Rows of zeros are divided by its root.
constexpr double kLeastEps = 1e-20;

}  // namespace

const std::vector<Key<RunSettings>>& run_keys() {
  using S = RunSettings;
  static const std::vector<Key<S>> keys = {
      {"seed", &S::seed, "first weights and order of the data", 0, kMaxCount},
      {"checkpoint_steps", &S::checkpoint_steps, "steps between checkpoints", 1, kMaxCount},
      {"keep_last", &S::keep_last, "how many of the newest checkpoints to keep", 1, 1000},
      {"keep_best", &S::keep_best, "keep the checkpoint of lowest loss in its stage as well"},
  };
  return keys;
}

const std::vector<Key<ModelSettings>>& model_keys() {
  using S = ModelSettings;
  static const std::vector<Key<S>> keys = {
      {"parent", &S::parent,
       "checkpoint folder to start from; of this section only max_position_embeddings, "
       "rope_scaling and tied_input_scale may then be given"},
      {"hidden_size", &S::hidden_size, "config.json", 0, kMaxExtent},
      {"num_hidden_layers", &S::num_hidden_layers, "config.json", 0, 1024},
      {"first_k_dense_replace", &S::first_k_dense_replace, "leading layers without experts", 0,
       1024},
      {"intermediate_size", &S::intermediate_size, "config.json", 0, kMaxExtent},
      {"moe_intermediate_size", &S::moe_intermediate_size, "config.json", 0, kMaxExtent},
      {"n_routed_experts", &S::n_routed_experts, "0: no layer has experts", 0, 4096},
      {"n_shared_experts", &S::n_shared_experts, "config.json", 0, 64},
      {"num_experts_per_tok", &S::num_experts_per_tok, "config.json", 0, 64},
      {"n_group", &S::n_group, "config.json", 1, 4096},
      {"topk_group", &S::topk_group, "config.json", 1, 4096},
      {"routed_scaling_factor", &S::routed_scaling_factor, "config.json", 0, 1000},
      {"norm_topk_prob", &S::norm_topk_prob, "config.json"},
      {"num_attention_heads", &S::num_attention_heads, "config.json", 0, 4096},
      {"q_lora_rank", &S::q_lora_rank, "0: queries are not compressed (then never sparse)", 0,
       kMaxExtent},
      {"kv_lora_rank", &S::kv_lora_rank, "config.json", 0, kMaxExtent},
      {"qk_nope_head_dim", &S::qk_nope_head_dim, "config.json", 0, kMaxExtent},
      {"qk_rope_head_dim", &S::qk_rope_head_dim, "config.json", 0, kMaxExtent},
      {"v_head_dim", &S::v_head_dim, "config.json", 0, kMaxExtent},
      {"rms_norm_eps", &S::rms_norm_eps, "config.json", kLeastEps, 1},
      {"rope_theta", &S::rope_theta, "config.json", 1, 1e12},
      {"max_position_embeddings", &S::max_position_embeddings,
       "context that the checkpoint promises; 0 with a parent: as there, or as far as YaRN reaches",
       0, 1 << 30},
      {"tied_input_scale", &S::tied_input_scale,
       "embedding = this times the head, one matrix; 0: two matrices", 0, 1000},
      {"previous_token_heads", &S::previous_token_heads,
       "heads of layer 0 that start on the 1st, 2nd, ... token before", 0, 4096},
  };
  return keys;
}

bool is_allowed_beside_parent(std::string_view key) {
  return key == "parent" || key == "max_position_embeddings" || key == "tied_input_scale";
}

const std::vector<Key<RopeScalingSettings>>& rope_scaling_keys() {
  using S = RopeScalingSettings;
  static const std::vector<Key<S>> keys = {
      {"factor", &S::factor, "YaRN's factor; 1: no scaling, with a parent: as there", 1, 1e6},
      {"original_max_position_embeddings", &S::original_max_position_embeddings,
       "context before any scaling; with a parent: its own", 1, 1 << 30},
      {"beta_fast", &S::beta_fast, "config.json", 0, 1e6},
      {"beta_slow", &S::beta_slow, "config.json", 0, 1e6},
      {"mscale", &S::mscale, "config.json", 0, 1000},
      {"mscale_all_dim", &S::mscale_all_dim, "config.json", 0, 1000},
  };
  return keys;
}

const std::vector<Key<IndexerSettings>>& indexer_keys() {
  using S = IndexerSettings;
  static const std::vector<Key<S>> keys = {
      {"index_n_heads", &S::index_n_heads, "config.json", 1, 4096},
      {"index_head_dim", &S::index_head_dim, "config.json", 1, 4096},
      {"index_topk", &S::index_topk,
       "tokens that the sparse model selects; 0: the model stays dense, or a sparse parent's stays "
       "as it is",
       0, 1 << 30},
  };
  return keys;
}

const std::vector<Key<DataSettings>>& data_keys() {
  using S = DataSettings;
  static const std::vector<Key<S>> keys = {
      {"folder", &S::folder, "corpus and tokenizer, as `levin-train data build` writes them"},
      {"name", &S::name, "name of the data: recipes with the same data share it"},
      {"corpus_folder", &S::corpus_folder,
       "books for `data build`, from tools/fetch_corpus.sh; \"made-up\": random sentences instead"},
      {"tokenizer", &S::tokenizer,
       "model folder whose tokenizer `data build` takes (that of a parent of somebody else); "
       "empty: "
       "it trains one"},
      {"vocab_size", &S::vocab_size, "ids of the tokenizer that `data build` trains", 300,
       kMaxExtent},
      {"manifest_sha256", &S::manifest_sha256,
       "checksum of the data's manifest that must come out; empty: any"},
  };
  return keys;
}

const std::vector<Key<data::RoleWeights>>& weight_keys() {
  using S = data::RoleWeights;
  static const std::vector<Key<S>> keys = {
      {"text", &S::text, "loss weight of prose", 0, 1000},
      {"fact", &S::fact, "of sentences with facts", 0, 1000},
      {"question", &S::question, "of questions", 0, 1000},
      {"answer", &S::answer, "of the restatement in an answer", 0, 1000},
      {"value", &S::value, "of the looked-up values", 0, 1000},
      {"copy", &S::copy, "of the repeats in copy rows", 0, 1000},
  };
  return keys;
}

}  // namespace levin::train::recipe
