#include <algorithm>
#include <string>
#include <vector>

#include "model/config_sections.h"

namespace levin::model {
namespace {

using base::ErrorCode;

void read_router_kind(ConfigFields& fields, const ModelFamily& family, Config& config) {
  const std::string scoring =
      fields.string_or("scoring_func", family.is_v2 ? "softmax" : "sigmoid");
  if (scoring != "sigmoid" && scoring != "softmax") {
    fields.fail(ErrorCode::kUnsupported, "scoring_func", "\"sigmoid\" or \"softmax\"");
  }
  config.scoring_func = scoring == "sigmoid" ? ScoringFunc::kSigmoid : ScoringFunc::kSoftmax;

  const std::string method = fields.string_or("topk_method", family.is_v2 ? "greedy" : "noaux_tc");
  if (method == "noaux_tc") {
    config.topk_method = TopkMethod::kNoauxTc;
  } else if (method == "group_limited_greedy") {
    config.topk_method = TopkMethod::kGroupLimitedGreedy;
  } else if (method == "greedy") {
    config.topk_method = TopkMethod::kGreedy;
  } else {
    fields.fail(ErrorCode::kUnsupported, "topk_method",
                "\"noaux_tc\", \"group_limited_greedy\" or \"greedy\"");
  }
  config.norm_topk_prob = fields.boolean_or("norm_topk_prob", !family.is_v2);
  config.routed_scaling_factor = fields.number("routed_scaling_factor", 1e-6, 1e6);
}

void read_groups(ConfigFields& fields, Config& config) {
  config.n_group = fields.integer_or("n_group", 1, kMaxExperts, 1);
  config.topk_group = fields.integer_or("topk_group", 1, kMaxExperts, 1);
  if (config.topk_method == TopkMethod::kGreedy && config.n_group != 1) {
    fields.invalid("n_group", "1 with topk_method greedy");
  }
  if (config.n_routed_experts % config.n_group != 0) {
    fields.invalid("n_group", "a divisor of n_routed_experts, which is {}",
                   config.n_routed_experts);
  }
  const int64_t group_size = config.n_routed_experts / config.n_group;
  if (config.topk_group > config.n_group) {
    fields.invalid("topk_group", "at most n_group, which is {}", config.n_group);
  }
  if (config.topk_method == TopkMethod::kNoauxTc && config.n_group > 1 && group_size < 2) {
    fields.invalid("n_group",
                   "groups of two experts or more: noaux_tc ranks them by their two best");
  }
  if (config.num_experts_per_tok > config.topk_group * group_size) {
    fields.invalid("num_experts_per_tok", "at most {}, the experts in {} group(s)",
                   config.topk_group * group_size, config.topk_group);
  }
}

/// Layers "dense, ..., dense, sparse, ..., sparse" say the same as first_k_dense_replace.
void read_mlp_types(ConfigFields& fields, Config& config) {
  const std::vector<std::string> types = fields.strings("mlp_layer_types");
  const int64_t all_dense_before =
      fields.has("mlp_layer_types") ? std::ranges::count(types, "dense") : 0;
  config.first_k_dense_replace =
      fields.integer_or("first_k_dense_replace", 0, config.num_hidden_layers, all_dense_before);
  if (types.empty()) {
    return;
  }
  if (static_cast<int64_t>(types.size()) < config.num_hidden_layers) {
    fields.invalid("mlp_layer_types", "an entry for each of the {} layers",
                   config.num_hidden_layers);
  }
  for (int64_t layer_idx = 0; layer_idx < config.num_hidden_layers; ++layer_idx) {
    const bool is_dense = layer_idx < config.first_k_dense_replace;
    if (types[static_cast<size_t>(layer_idx)] != (is_dense ? "dense" : "sparse")) {
      fields.fail(ErrorCode::kUnsupported, "mlp_layer_types",
                  fmt::format("\"dense\" for the first {} layers and \"sparse\" after them",
                              config.first_k_dense_replace));
    }
  }
}

}  // namespace

void read_mlp(ConfigFields& fields, const ModelFamily& family, Config& config) {
  fields.require("hidden_act", "silu");
  fields.require("mlp_bias", false);
  config.intermediate_size = fields.integer("intermediate_size", 1, kMaxExtent);
  config.n_routed_experts = fields.integer_or("n_routed_experts", 0, kMaxExperts, 0);
  read_mlp_types(fields, config);
  if (config.n_routed_experts == 0) {
    fields.ignore({"moe_intermediate_size", "n_shared_experts", "num_experts_per_tok", "n_group",
                   "topk_group", "topk_method", "scoring_func", "norm_topk_prob",
                   "routed_scaling_factor", "moe_layer_freq"});
    return;
  }
  fields.require("moe_layer_freq", 1);
  config.moe_intermediate_size = fields.integer("moe_intermediate_size", 1, kMaxExtent);
  config.n_shared_experts = fields.integer_or("n_shared_experts", 0, kMaxExperts, 0);
  if (config.n_shared_experts * config.moe_intermediate_size > kMaxWidth) {
    fields.invalid("n_shared_experts", "at most {} of width {}",
                   kMaxWidth / config.moe_intermediate_size, config.moe_intermediate_size);
  }
  config.num_experts_per_tok = fields.integer("num_experts_per_tok", 1, kMaxExperts);
  read_router_kind(fields, family, config);
  read_groups(fields, config);
}

}  // namespace levin::model
