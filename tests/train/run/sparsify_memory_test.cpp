// levin-train sparsify on a checkpoint that is larger than the memory it may use.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "formats/temporary_folder.h"
#include "train/run/train_process.h"

namespace levin::train::run {
namespace {

namespace fs = std::filesystem;

using levin::testing::file_bytes;
using levin::testing::run_program;
using levin::testing::small_data_folder;
using levin::testing::TemporaryFolder;
using levin::testing::train;
using levin::testing::TrainResult;
using ::testing::HasSubstr;

constexpr const char* kConfig = R"({
 "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "vocab_size": 700,
 "hidden_size": 1024, "num_hidden_layers": 18, "first_k_dense_replace": 1, "moe_layer_freq": 1,
 "intermediate_size": 2048, "moe_intermediate_size": 512, "n_routed_experts": 32,
 "n_shared_experts": 1, "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1,
 "topk_method": "noaux_tc", "scoring_func": "sigmoid", "norm_topk_prob": true,
 "routed_scaling_factor": 1.0, "num_attention_heads": 4, "num_key_value_heads": 4,
 "q_lora_rank": 128, "kv_lora_rank": 128, "qk_nope_head_dim": 32, "qk_rope_head_dim": 32,
 "v_head_dim": 32, "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
 "rope_scaling": null, "max_position_embeddings": 512, "attention_bias": false,
 "attention_dropout": 0.0, "tie_word_embeddings": false, "num_nextn_predict_layers": 0,
 "bos_token_id": 0, "eos_token_id": 1, "torch_dtype": "bfloat16"})";

TEST(SparsifyMemorySlow, HoldsOneLayerOfACheckpointAtATime) {
  const TemporaryFolder folder;
  const std::string dense = folder.file("dense");
  const std::string sparse = folder.file("sparse");
  std::ofstream(folder.file("config.json")) << kConfig;
  const TrainResult made = run_program(
      LEVIN_BINARY, {"synth", folder.file("config.json"), "--out", dense, "--shard-gb", "0.5"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  for (const char* file : {"/tokenizer.json", "/tokenizer_config.json"}) {
    fs::copy_file(small_data_folder() + file, dense + file);
  }
  int64_t checkpoint_bytes = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(dense)) {
    checkpoint_bytes += static_cast<int64_t>(entry.file_size());
  }
  constexpr int64_t kLimitBytes = int64_t{1} << 30;
  ASSERT_GT(checkpoint_bytes, kLimitBytes + kLimitBytes / 2);

  const TrainResult result =
      train({"sparsify", dense, "--data", small_data_folder(), "--out", sparse, "--steps", "2",
             "--row-tokens", "128", "--index-heads", "2", "--topk", "32"},
            {.memory_bytes = kLimitBytes});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("layer 18 of 18: KL"));
  EXPECT_THAT(file_bytes(sparse + "/config.json"), HasSubstr("DeepseekV32ForCausalLM"));
}

}  // namespace
}  // namespace levin::train::run
