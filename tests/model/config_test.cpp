// config.json: what every family's fields mean, and what each bad field is answered with.
#include "model/config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"

namespace levin::model {
namespace {

using base::ErrorCode;
using nlohmann::json;

json sample(const std::string& name) {
  return json::parse(
      base::read_file(std::string(LEVIN_TEST_DATA) + "/config/" + name, int64_t{1} << 20));
}

json v32_config() { return sample("deepseek_v32.json"); }
json v2_lite_config() { return sample("deepseek_v2_lite.json"); }
json glm5_config() { return sample("glm_moe_dsa.json"); }

Config parse(const json& config) { return parse_config(config.dump(), "config.json"); }

TEST(ConfigTest, ReadsDeepSeekV32) {
  const Config config = parse(v32_config());
  EXPECT_EQ(config.architecture, "DeepseekV32ForCausalLM");
  EXPECT_TRUE(config.is_sparse());
  EXPECT_EQ(config.indexer.index_n_heads, 64);
  EXPECT_EQ(config.indexer.index_topk, 2048);
  EXPECT_FALSE(config.indexer.indexer_rope_interleave);
  EXPECT_TRUE(config.indexer.has_hadamard_fp8);
  EXPECT_EQ(config.is_full_indexer_layer, std::vector<bool>(61, true));
  EXPECT_EQ(config.qk_head_dim(), 192);
  EXPECT_EQ(config.kv_row_dim(), 576);
  EXPECT_TRUE(config.has_fp8_latent());
  EXPECT_TRUE(config.has_fp8_weights);
  EXPECT_TRUE(config.has_ue8m0_scales);
  EXPECT_FALSE(config.is_moe_layer(2));
  EXPECT_TRUE(config.is_moe_layer(3));
  EXPECT_TRUE(config.has_router_bias());
  EXPECT_EQ(config.scoring_func, ScoringFunc::kSigmoid);
  EXPECT_EQ(config.eos_token_ids, std::vector<int64_t>{1});
  EXPECT_FALSE(config.is_experimental);
}

TEST(ConfigTest, SoftmaxScaleCarriesTheSquareOfYarnsMscale) {
  EXPECT_NEAR(parse(v32_config()).softmax_scale(), 0.1352338, 1e-7);
  EXPECT_NEAR(parse(v2_lite_config()).softmax_scale(), 1.589626 / std::sqrt(192.0), 1e-7);
  EXPECT_NEAR(parse(glm5_config()).softmax_scale(), 1.0 / 16.0, 1e-12);
  json factor_one = v32_config();
  factor_one["rope_scaling"]["factor"] = 1;
  EXPECT_NEAR(parse(factor_one).softmax_scale(), 1.0 / std::sqrt(192.0), 1e-12);
}

TEST(ConfigTest, ReadsDeepSeekV3WithoutIndexerAndWithoutScaleFormat) {
  json v3 = v32_config();
  v3.update({{"architectures", {"DeepseekV3ForCausalLM"}}, {"model_type", "deepseek_v3"}});
  for (const char* key : {"index_head_dim", "index_n_heads", "index_topk"}) {
    v3.erase(key);
  }
  v3["quantization_config"].erase("scale_fmt");
  const Config config = parse(v3);
  EXPECT_FALSE(config.is_sparse());
  EXPECT_TRUE(config.is_full_indexer_layer.empty());
  EXPECT_TRUE(config.has_fp8_weights);
  EXPECT_FALSE(config.has_ue8m0_scales);
  EXPECT_FALSE(config.has_fp8_latent());
}

TEST(ConfigTest, ReadsDeepSeekV2LiteWithUncompressedQueries) {
  const Config config = parse(v2_lite_config());
  EXPECT_EQ(config.q_lora_rank, 0);
  EXPECT_EQ(config.scoring_func, ScoringFunc::kSoftmax);
  EXPECT_EQ(config.topk_method, TopkMethod::kGreedy);
  EXPECT_FALSE(config.has_router_bias());
  EXPECT_FALSE(config.norm_topk_prob);
  EXPECT_DOUBLE_EQ(config.rope_scaling.mscale, 0.707);
}

TEST(ConfigTest, ReadsDeepSeekV2WithGroups) {
  json v2 = v2_lite_config();
  v2.update({{"topk_method", "group_limited_greedy"},
             {"n_routed_experts", 160},
             {"n_group", 8},
             {"topk_group", 3},
             {"q_lora_rank", 1536}});
  const Config config = parse(v2);
  EXPECT_EQ(config.topk_method, TopkMethod::kGroupLimitedGreedy);
  EXPECT_EQ(config.n_group, 8);
}

TEST(ConfigTest, V2DefaultsDifferFromV3DefaultsWhereConfigIsSilent) {
  json v2 = v2_lite_config();
  for (const char* key : {"scoring_func", "topk_method", "norm_topk_prob", "n_group"}) {
    v2.erase(key);
  }
  const Config config = parse(v2);
  EXPECT_EQ(config.scoring_func, ScoringFunc::kSoftmax);
  EXPECT_EQ(config.topk_method, TopkMethod::kGreedy);
  EXPECT_FALSE(config.norm_topk_prob);
}

TEST(ConfigTest, ReadsKimiK2) {
  json kimi = v32_config();
  kimi.update({{"architectures", {"DeepseekV3ForCausalLM"}},
               {"model_type", "kimi_k2"},
               {"n_routed_experts", 384},
               {"n_group", 1},
               {"topk_group", 1},
               {"num_attention_heads", 64},
               {"rope_theta", 50000.0},
               {"vocab_size", 163840},
               {"bos_token_id", 163584},
               {"eos_token_id", 163585},
               {"routed_scaling_factor", 2.827}});
  kimi["rope_scaling"].update({{"beta_fast", 1.0}, {"factor", 32.0}});
  for (const char* key : {"index_head_dim", "index_n_heads", "index_topk"}) {
    kimi.erase(key);
  }
  const Config config = parse(kimi);
  EXPECT_EQ(config.model_type, "kimi_k2");
  EXPECT_EQ(config.n_routed_experts, 384);
  EXPECT_DOUBLE_EQ(config.rope_scaling.beta_fast, config.rope_scaling.beta_slow);
}

/// A deepseek_v3 without query compression, without RoPE scaling and without groups.
TEST(ConfigTest, ReadsMoonlight) {
  json moonlight = v32_config();
  moonlight.update({{"architectures", {"DeepseekV3ForCausalLM"}},
                    {"model_type", "deepseek_v3"},
                    {"hidden_size", 2048},
                    {"num_hidden_layers", 27},
                    {"first_k_dense_replace", 1},
                    {"num_attention_heads", 16},
                    {"num_key_value_heads", 16},
                    {"q_lora_rank", nullptr},
                    {"intermediate_size", 11264},
                    {"moe_intermediate_size", 1408},
                    {"n_routed_experts", 64},
                    {"n_shared_experts", 2},
                    {"num_experts_per_tok", 6},
                    {"n_group", 1},
                    {"topk_group", 1},
                    {"routed_scaling_factor", 2.446},
                    {"rope_theta", 50000.0},
                    {"rope_scaling", nullptr},
                    {"rms_norm_eps", 1e-5},
                    {"max_position_embeddings", 8192},
                    {"vocab_size", 163840},
                    {"num_nextn_predict_layers", 0}});
  for (const char* key : {"index_head_dim", "index_n_heads", "index_topk", "quantization_config"}) {
    moonlight.erase(key);
  }
  const Config config = parse(moonlight);
  EXPECT_FALSE(config.is_sparse());
  EXPECT_EQ(config.q_lora_rank, 0);
  EXPECT_EQ(config.n_shared_experts, 2);
  EXPECT_TRUE(config.has_router_bias());
  EXPECT_EQ(config.scoring_func, ScoringFunc::kSigmoid);
  EXPECT_TRUE(config.norm_topk_prob);
  EXPECT_DOUBLE_EQ(config.routed_scaling_factor, 2.446);
  EXPECT_FALSE(config.rope_scaling.is_yarn);
  EXPECT_NEAR(config.softmax_scale(), 1.0 / std::sqrt(192.0), 1e-12);
  EXPECT_DOUBLE_EQ(config.rms_norm_eps, 1e-5);
  EXPECT_FALSE(config.has_fp8_weights);
  EXPECT_FALSE(config.is_moe_layer(0));
  EXPECT_TRUE(config.is_moe_layer(1));
}

TEST(ConfigTest, ReadsGlm47FlashWithRopeParameters) {
  json glm = glm5_config();
  glm.update({{"architectures", {"Glm4MoeLiteForCausalLM"}},
              {"model_type", "glm4_moe_lite"},
              {"mlp_layer_types", std::vector<std::string>(78, "sparse")}});
  glm["mlp_layer_types"][0] = "dense";
  for (const char* key : {"index_head_dim", "index_n_heads", "index_topk",
                          "indexer_rope_interleave", "first_k_dense_replace"}) {
    glm.erase(key);
  }
  const Config config = parse(glm);
  EXPECT_FALSE(config.is_sparse());
  EXPECT_EQ(config.first_k_dense_replace, 1);
  EXPECT_DOUBLE_EQ(config.rope_theta, 1e6);
  EXPECT_FALSE(config.rope_scaling.is_yarn);
  EXPECT_EQ(config.eos_token_ids, (std::vector<int64_t>{154820, 154827, 154829}));
  EXPECT_EQ(config.bos_token_id, -1);
}

TEST(ConfigTest, GlmSparseIsExperimentalAndHasItsOwnIndexer) {
  const Config config = parse(glm5_config());
  EXPECT_TRUE(config.is_experimental);
  EXPECT_TRUE(config.indexer.indexer_rope_interleave);
  EXPECT_FALSE(config.indexer.has_hadamard_fp8);
  EXPECT_FALSE(config.has_fp8_latent());
  EXPECT_EQ(config.is_full_indexer_layer, std::vector<bool>(78, true));
}

std::vector<int64_t> full_layers(const json& keys) {
  json config = glm5_config();
  config["num_hidden_layers"] = 12;
  config.update(keys);
  std::vector<int64_t> layers;
  const Config parsed = parse(config);
  for (size_t layer_idx = 0; layer_idx < parsed.is_full_indexer_layer.size(); ++layer_idx) {
    if (parsed.is_full_indexer_layer[layer_idx]) {
      layers.push_back(static_cast<int64_t>(layer_idx));
    }
  }
  return layers;
}

TEST(ConfigTest, IndexerLayersFollowTypesPatternOrFrequency) {
  using Layers = std::vector<int64_t>;
  EXPECT_EQ(full_layers({{"index_topk_freq", 4}, {"index_skip_topk_offset", 3}}),
            (Layers{0, 1, 2, 6, 10}));
  EXPECT_EQ(full_layers({{"index_topk_freq", 4}}), (Layers{0, 1, 5, 9}));
  EXPECT_EQ(full_layers({{"index_topk_pattern", "FSSFSSSSSSSF"}}), (Layers{0, 3, 11}));
  json types = json::array();
  for (int layer_idx = 0; layer_idx < 12; ++layer_idx) {
    types.push_back(layer_idx % 5 == 0 ? "full" : "shared");
  }
  EXPECT_EQ(full_layers({{"indexer_types", types}}), (Layers{0, 5, 10}));
}

TEST(ConfigTest, FamilyIsTakenFromArchitecturesWhereModelTypeIsMissing) {
  json config = v32_config();
  config.erase("model_type");
  EXPECT_EQ(parse(config).model_type, "deepseek_v32");
}

TEST(ConfigTest, RopeScalingOfTypeDefaultOrNullScalesNothing) {
  json config = v32_config();
  config["rope_scaling"] = nullptr;
  EXPECT_FALSE(parse(config).rope_scaling.is_yarn);
  config["rope_scaling"] = {{"rope_type", "default"}};
  EXPECT_FALSE(parse(config).rope_scaling.is_yarn);
}

TEST(ConfigTest, ModelWithoutExpertsIsDenseInEveryLayer) {
  json config = v32_config();
  for (const char* key : {"n_routed_experts", "num_experts_per_tok", "routed_scaling_factor"}) {
    config.erase(key);
  }
  EXPECT_FALSE(parse(config).is_moe_layer(60));
}

TEST(ConfigTest, UnknownKeysAreIgnored) {
  json config = v32_config();
  config["my_note"] = {1, 2, 3};
  EXPECT_EQ(parse(config).hidden_size, 7168);
}

// Every entry of data/bad/config_fields.json is a merge patch (null removes a key) on a good config
// and the answer to it.
TEST(ConfigTest, BadFieldsAreRefusedNamingKeyValueAndExpectation) {
  const json cases = json::parse(
      base::read_file(std::string(LEVIN_TEST_DATA) + "/bad/config_fields.json", int64_t{1} << 20));
  for (const json& bad : cases) {
    SCOPED_TRACE(bad["name"].get<std::string>());
    json config = sample(bad["base"]);
    config.merge_patch(bad["patch"]);
    try {
      parse(config);
      ADD_FAILURE() << "accepted";
    } catch (const base::Error& error) {
      EXPECT_EQ(base::error_code_name(error.code()), bad["code"].get<std::string>());
      EXPECT_EQ(error.what(), "config.json: " + bad["message"].get<std::string>());
    }
  }
}

TEST(ConfigTest, MalformedJsonIsRefusedWithItsPlace) {
  const auto message = [](const std::string& text) -> std::string {
    try {
      parse_config(text, "config.json");
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidFile);
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message("{\"a\": 1,\n \"b\" 2}"), "config.json: is not valid JSON at line 2, column 6");
  EXPECT_EQ(message("[]"), "config.json: a JSON object is expected");
  EXPECT_EQ(message("{\"hidden_size\": 1, \"hidden_size\": 2}"),
            "config.json: has the key \"hidden_size\" twice in one object");
  EXPECT_EQ(message("{\"a\": \"\xC3\x28\"}"),
            "config.json: is not valid UTF-8 at line 1, column 8");
  EXPECT_EQ(message("\xEF\xBB\xBF{}"),
            "config.json: begins with a byte order mark; save it as plain UTF-8");
}

TEST(ConfigTest, MissingFileIsNamed) {
  try {
    load_config("/no/such/model");
    FAIL() << "accepted";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_EQ(std::string(error.what()),
              "/no/such/model/config.json: cannot open: No such file or directory");
  }
}

TEST(ConfigTest, GoldenConfigsLoad) {
  for (const char* name : {"v32-f32", "v32-fp8", "v32-fp8-ue8m0", "v3-dense", "v2-lite"}) {
    SCOPED_TRACE(name);
    const Config config = load_config(std::string(LEVIN_TEST_DATA) + "/golden/" + name);
    EXPECT_EQ(config.is_sparse(), std::string(name).starts_with("v32"));
  }
}

}  // namespace
}  // namespace levin::model
