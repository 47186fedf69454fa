#include "model/config_limits.h"

#include "base/error.h"
#include "kernels/index_row_dim.h"
#include "kernels/linear.h"
#include "kernels/op_table.h"

namespace levin::model {
namespace {

/// Something that is at most `limit`: keys with their values, and what they come to.
struct Limited {
  std::string text;  // "index_head_dim is 1024"
  int64_t value;
  int64_t limit;
};

void check(const Limited& limited, const std::string& where) {
  if (limited.value > limited.limit) {
    base::throw_error(base::ErrorCode::kUnsupported, where, "{}, at most {} is supported",
                      limited.text, limited.limit);
  }
}

/// The text of a single key.
Limited key(const char* name, int64_t value, int64_t limit) {
  return {fmt::format("{} is {}", name, value), value, limit};
}

void check_indexer(const IndexerConfig& indexer, const std::string& where) {
  check(key("index_head_dim", indexer.index_head_dim, kernels::kMaxIndexHeadDim), where);
  const int64_t query = indexer.index_n_heads * indexer.index_head_dim;
  check({fmt::format("index_n_heads is {} and index_head_dim {}: their product is {}",
                     indexer.index_n_heads, indexer.index_head_dim, query),
         query, kernels::kMaxIndexQuerySize},
        where);
}

void check_attention_tiles(const Config& config, const std::string& where) {
  const int64_t absorbed = 2 * config.kv_lora_rank + config.qk_rope_head_dim;
  check({fmt::format("kv_lora_rank is {} and qk_rope_head_dim {}: 2 * kv_lora_rank + "
                     "qk_rope_head_dim is {}",
                     config.kv_lora_rank, config.qk_rope_head_dim, absorbed),
         absorbed, kernels::kAttentionTileDims},
        where);
  const int64_t expanded = config.qk_head_dim() + config.v_head_dim;
  check({fmt::format("qk_nope_head_dim is {}, qk_rope_head_dim {} and v_head_dim {}: their sum is "
                     "{}",
                     config.qk_nope_head_dim, config.qk_rope_head_dim, config.v_head_dim, expanded),
         expanded, kernels::kAttentionTileDims},
        where);
}

void check_matrix_inputs(const Config& config, const std::string& where) {
  constexpr int64_t kLimit = kernels::kMaxLinearInputs;
  check(key("hidden_size", config.hidden_size, kLimit), where);
  check(key("intermediate_size", config.intermediate_size, kLimit), where);
  check(key("q_lora_rank", config.q_lora_rank, kLimit), where);
  check(key("kv_lora_rank", config.kv_lora_rank, kLimit), where);
  check(key("qk_nope_head_dim", config.qk_nope_head_dim, kLimit), where);
  check(key("moe_intermediate_size", config.moe_intermediate_size, kLimit), where);
  const int64_t shared = config.n_shared_experts * config.moe_intermediate_size;
  check({fmt::format("n_shared_experts is {} and moe_intermediate_size {}: their product is {}",
                     config.n_shared_experts, config.moe_intermediate_size, shared),
         shared, kLimit},
        where);
  const int64_t heads_out = config.num_attention_heads * config.v_head_dim;
  check({fmt::format("num_attention_heads is {} and v_head_dim {}: their product is {}",
                     config.num_attention_heads, config.v_head_dim, heads_out),
         heads_out, kLimit},
        where);
}

}  // namespace

void check_limits(const Config& config, const ForwardOptions& options, const std::string& where) {
  if (runs_indexer(config, options)) {
    check_indexer(config.indexer, where);
  }
  if (options.numerics == Numerics::kFast) {
    check_attention_tiles(config, where);
  }
  check_matrix_inputs(config, where);
}

}  // namespace levin::model
