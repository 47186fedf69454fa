// What a config.json may ask of the kernels, and the sentence each excess gets.
#include "model/config_limits.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "base/error.h"
#include "kernels/context.h"

namespace levin::model {
namespace {

/// The released DeepSeek-V3.2 shape, as far as limits look at it.
Config released_config() {
  Config config;
  config.hidden_size = 7168;
  config.intermediate_size = 18432;
  config.moe_intermediate_size = 2048;
  config.n_routed_experts = 256;
  config.n_shared_experts = 1;
  config.num_attention_heads = 128;
  config.q_lora_rank = 1536;
  config.kv_lora_rank = 512;
  config.qk_nope_head_dim = 128;
  config.qk_rope_head_dim = 64;
  config.v_head_dim = 128;
  config.indexer = {.index_n_heads = 64, .index_head_dim = 128, .index_topk = 2048};
  return config;
}

std::string refusal(const Config& config, const ForwardOptions& options = {}) {
  try {
    check_limits(config, options, "config.json");
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::kUnsupported);
    return error.what();
  }
  return "accepted";
}

struct Excess {
  std::function<void(Config&)> make;
  std::string sentence;
};

TEST(CheckLimits, TheReleasedModelIsWithinAllOfThem) {
  EXPECT_EQ(refusal(released_config()), "accepted");
  EXPECT_EQ(refusal(released_config(), {.numerics = Numerics::kReference}), "accepted");
}

TEST(CheckLimits, EveryExcessNamesKeyValueAndLimit) {
  const std::vector<Excess> cases = {
      {[](Config& c) { c.indexer.index_head_dim = 1024; },
       "index_head_dim is 1024, at most 512 is supported"},
      {[](Config& c) { c.indexer.index_n_heads = 4096; },
       "index_n_heads is 4096 and index_head_dim 128: their product is 524288, at most 262144 is "
       "supported"},
      {[](Config& c) { c.kv_lora_rank = 1536; },
       "kv_lora_rank is 1536 and qk_rope_head_dim 64: 2 * kv_lora_rank + qk_rope_head_dim is 3136, "
       "at most 3072 is supported"},
      {[](Config& c) { c.v_head_dim = 4000; },
       "qk_nope_head_dim is 128, qk_rope_head_dim 64 and v_head_dim 4000: their sum is 4192, at "
       "most 3072 is supported"},
      {[](Config& c) { c.hidden_size = 1 << 20; },
       "hidden_size is 1048576, at most 524288 is supported"},
      {[](Config& c) { c.intermediate_size = 524289; },
       "intermediate_size is 524289, at most 524288 is supported"},
      {[](Config& c) { c.n_shared_experts = 300; },
       "n_shared_experts is 300 and moe_intermediate_size 2048: their product is 614400, at most "
       "524288 is supported"},
      {[](Config& c) { c.num_attention_heads = 8192; },
       "num_attention_heads is 8192 and v_head_dim 128: their product is 1048576, at most 524288 "
       "is supported"},
  };
  for (const Excess& excess : cases) {
    Config config = released_config();
    excess.make(config);
    EXPECT_EQ(refusal(config), "config.json: " + excess.sentence);
  }
}

TEST(CheckLimits, WhatIsNotUsedIsNotLimited) {
  Config wide_indexer = released_config();
  wide_indexer.indexer.index_head_dim = 1024;
  EXPECT_EQ(refusal(wide_indexer, {.attention = AttentionMode::kDense}), "accepted");
  Config wide_latent = released_config();  // reference numerics cut no tiles
  wide_latent.kv_lora_rank = 1536;
  EXPECT_EQ(refusal(wide_latent, {.numerics = Numerics::kReference}), "accepted");
}

}  // namespace
}  // namespace levin::model
