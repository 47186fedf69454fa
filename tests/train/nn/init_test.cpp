// Fresh weights: reproducible, of the stated spread, with heads that read the tokens before.
#include "train/nn/init.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/error.h"
#include "tiny_model.h"
#include "train/nn/attention_inputs.h"
#include "train/nn/forward.h"
#include "train/nn/layers.h"
#include "train/nn/rotary.h"

namespace levin::train::nn {
namespace {

using testing::tiny_dense_config;

at::Tensor named(const ModelWeights& weights, const std::string& name) {
  for (const NamedParameter& parameter : named_parameters(weights)) {
    if (parameter.spec.name == name) {
      return parameter.tensor;
    }
  }
  return {};
}

TEST(TrainInit, DependsOnTheSeedAlone) {
  const ModelWeights a = init_model(tiny_dense_config(), research_init(1, 2));
  const ModelWeights b = init_model(tiny_dense_config(), research_init(1, 2));
  const ModelWeights other = init_model(tiny_dense_config(), research_init(2, 2));
  EXPECT_TRUE(at::equal(a.lm_head, b.lm_head));
  EXPECT_FALSE(at::equal(a.lm_head, other.lm_head));
  const std::string expert = "model.layers.1.mlp.experts.";
  EXPECT_FALSE(
      at::equal(named(a, expert + "0.up_proj.weight"), named(a, expert + "1.up_proj.weight")));
}

TEST(TrainInit, TheStatedDeviationsAreMet) {
  const ModelWeights weights = init_model(tiny_dense_config(), {});
  EXPECT_NEAR(weights.layers[0].self_attn.q_b_proj.std().item<double>(), 0.204, 0.02);
  EXPECT_NEAR(weights.embed_tokens.std().item<double>(), 1.0, 0.1);
  EXPECT_NEAR(weights.lm_head.std().item<double>(), 0.02, 0.002);
  EXPECT_TRUE(at::equal(weights.norm, at::ones({32})));
}

TEST(TrainInit, FreshIndexersLeaveTheModelAsItIs) {
  ModelWeights weights = init_model(tiny_dense_config(), research_init(3, 2));
  const at::Tensor before = weights.layers[1].self_attn.o_proj;
  add_indexer(weights, testing::tiny_sparse_config(6), 4);
  EXPECT_TRUE(weights.layers[1].self_attn.o_proj.is_same(before));
  EXPECT_EQ(weights.layers[2].self_attn.indexer.weights_proj.sizes(), (at::IntArrayRef{2, 32}));
}

/// Mean attention of layer 0's head i on the token i + 1 before. [heads]
at::Tensor attention_on_offsets(const ModelWeights& weights, int64_t heads, int64_t tokens) {
  const PackedBatch pack = testing::random_pack(weights.config, {tokens}, 5);
  const at::Tensor hidden = embed(weights, pack.tokens);
  const LayerWeights& layer = weights.layers[0];
  const RotaryTable rotary = make_rotary_table(weights.config, pack.documents, at::kFloat);
  const AttentionInputs inputs = attention_inputs(
      weights.config, layer.self_attn,
      rms_norm(hidden, layer.input_layernorm, weights.config.rms_norm_eps), rotary);
  const at::Tensor scores =
      at::einsum("thd,shd->hts", {inputs.q, inputs.k}) * weights.config.softmax_scale();
  const at::Tensor later = at::ones({tokens, tokens}, at::kBool).triu(1);
  const at::Tensor attention =
      scores.masked_fill(later, -std::numeric_limits<double>::infinity()).softmax(-1);
  at::Tensor means = at::empty({heads});
  for (int64_t head_idx = 0; head_idx < heads; ++head_idx) {
    means[head_idx] = attention[head_idx].diagonal(-(head_idx + 1)).mean();
  }
  return means;
}

model::Config measured_config(int64_t hidden_size) {
  return model::parse_config(
      R"({"model_type": "deepseek_v3", "vocab_size": 512, "num_hidden_layers": 1, "q_lora_rank": )" +
          std::to_string(hidden_size * 3 / 4) + R"(, "hidden_size": )" +
          std::to_string(hidden_size) +
          R"(, "num_attention_heads": 8, "kv_lora_rank": 128, "qk_nope_head_dim": 32,
    "qk_rope_head_dim": 32, "v_head_dim": 32, "intermediate_size": 64, "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0, "max_position_embeddings": 2048})",
      "measured config");
}

TEST(TrainInit, PreviousTokenHeadsReadTheTokensBeforeFromTheFirstStep) {
  for (const int64_t hidden_size : {128, 256}) {
    const ModelWeights weights = init_model(measured_config(hidden_size), research_init(6, 6));
    const at::Tensor means = attention_on_offsets(weights, 6, 256);
    EXPECT_GT(means.min().item<double>(), 0.8) << hidden_size << ": " << means;
    EXPECT_LT(means.max().item<double>(), 0.97) << hidden_size << ": " << means;
  }
}

TEST(TrainInit, RefusesPreviousTokenHeadsThatCannotBe) {
  EXPECT_THROW(init_model(tiny_dense_config(), research_init(1, 5)), base::Error);
  InitOptions no_mean = research_init(1, 2);
  no_mean.embedding_mean = 0.0;
  EXPECT_THROW(init_model(tiny_dense_config(), no_mean), base::Error);
}

}  // namespace
}  // namespace levin::train::nn
