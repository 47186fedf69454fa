// Checkpoints that do not hold what their config.json describes, and the sentence each gets.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <string>

#include "base/error.h"
#include "model/checkpoint_builder.h"
#include "model/weights.h"

namespace levin::model {
namespace {

using testing::CheckpointBuilder;

constexpr const char* kIntro = "does not hold the tensors that config.json describes: ";
constexpr const char* kOProj = "model.layers.0.self_attn.o_proj.weight";

struct BadCheckpoint {
  const char* name;
  std::function<void(CheckpointBuilder&)> damage;
  std::string sentence;  // after "model.safetensors: "
  base::ErrorCode code = base::ErrorCode::kInvalidFile;
};

void use_fp8(CheckpointBuilder& builder) { builder.fill(tensor::DType::kF8E4m3); }

void make_dense_config(CheckpointBuilder& builder) {
  builder.config()["architectures"] = {"DeepseekV3ForCausalLM"};
  builder.config()["model_type"] = "deepseek_v3";
  for (const char* key : {"index_n_heads", "index_head_dim", "index_topk"}) {
    builder.config().erase(key);
  }
}

void remove_indexers(CheckpointBuilder& builder) {
  std::erase_if(builder.tensors(), [](const auto& entry) {
    return entry.first.find(".indexer.") != std::string::npos;
  });
}

const std::vector<BadCheckpoint>& bad_checkpoints() {
  static const std::vector<BadCheckpoint> cases = {
      {"missing_tensor", [](auto& b) { b.remove(kOProj); },
       std::string(kIntro) + kOProj + " is missing"},
      {"missing_bias", [](auto& b) { b.remove("model.layers.1.mlp.gate.e_score_correction_bias"); },
       std::string(kIntro) + "model.layers.1.mlp.gate.e_score_correction_bias is missing"},
      {"bias_of_one_layer_alone",
       [](auto& b) {
         b.config()["num_hidden_layers"] = 3;
         b.rebuild();
         b.config()["topk_method"] = "group_limited_greedy";
         b.remove("model.layers.2.mlp.gate.e_score_correction_bias");
       },
       std::string(kIntro) + "model.layers.2.mlp.gate.e_score_correction_bias is missing"},
      {"missing_expert", [](auto& b) { b.remove("model.layers.1.mlp.experts.3.up_proj.weight"); },
       std::string(kIntro) + "model.layers.1.mlp.experts.3.up_proj.weight is missing"},
      {"config_claims_more_layers", [](auto& b) { b.config()["num_hidden_layers"] = 1000; },
       std::string(kIntro) +
           "model.layers.2.input_layernorm.weight is missing; "
           "model.layers.2.self_attn.q_a_proj.weight is missing; "
           "model.layers.2.self_attn.q_a_layernorm.weight is missing; "
           "model.layers.2.self_attn.q_b_proj.weight is missing; "
           "model.layers.2.self_attn.kv_a_proj_with_mqa.weight is missing; and more"},
      {"config_claims_another_width", [](auto& b) { b.config()["intermediate_size"] = 32; },
       std::string(kIntro) +
           "model.layers.0.mlp.gate_proj.weight: shape [32, 136] expected, model.safetensors has "
           "[24, 136]; model.layers.0.mlp.up_proj.weight: shape [32, 136] expected, "
           "model.safetensors has [24, 136]; model.layers.0.mlp.down_proj.weight: shape [136, 32] "
           "expected, model.safetensors has [136, 24]"},
      {"wrong_rank",
       [](auto& b) {
         b.tensors()["model.norm.weight"].shape = {1, 136};
       },
       std::string(kIntro) +
           "model.norm.weight: shape [136] expected, model.safetensors has [1, 136]"},
      {"integer_weights", [](auto& b) { b.tensors()[kOProj].dtype = tensor::DType::kI16; },
       std::string(kIntro) + kOProj +
           ": dtype F32, BF16, F16 or F8_E4M3 expected, model.safetensors has I16"},
      {"integer_norm",
       [](auto& b) { b.tensors()["model.norm.weight"].dtype = tensor::DType::kI32; },
       std::string(kIntro) +
           "model.norm.weight: dtype F32, BF16 or F16 expected, model.safetensors has I32"},
      {"nan_norm", [](auto& b) { b.set_f32("model.norm.weight", 7, NAN); },
       "model.norm.weight: element 7 is nan, a finite number is expected"},
      {"infinite_bias",
       [](auto& b) { b.set_f32("model.layers.1.mlp.gate.e_score_correction_bias", 2, INFINITY); },
       "model.layers.1.mlp.gate.e_score_correction_bias: element 2 is inf, a finite number is "
       "expected"},
      {"no_scale",
       [](auto& b) {
         use_fp8(b);
         b.remove(std::string(kOProj) + "_scale_inv");
       },
       std::string(kIntro) + kOProj + "_scale_inv is missing, " + kOProj + " is F8_E4M3"},
      {"scale_without_fp8",
       [](auto& b) { b.copy("model.norm.weight", std::string(kOProj) + "_scale_inv"); },
       std::string(kIntro) + kOProj + "_scale_inv in model.safetensors scales " + kOProj +
           ", which is BF16"},
      {"scale_without_weight",
       [](auto& b) { b.copy("model.norm.weight", "model.layers.0.x.weight_scale_inv"); },
       std::string(kIntro) +
           "model.layers.0.x.weight_scale_inv in model.safetensors scales model.layers.0.x.weight, "
           "which is missing"},
      {"scale_shape",
       [](auto& b) {
         use_fp8(b);
         b.tensors()[std::string(kOProj) + "_scale_inv"].shape = {1, 2};
       },
       std::string(kIntro) + kOProj +
           "_scale_inv: F32 [2, 1] expected, model.safetensors has F32 [1, 2]"},
      {"scale_dtype",
       [](auto& b) {
         use_fp8(b);
         b.tensors()[std::string(kOProj) + "_scale_inv"].dtype = tensor::DType::kI32;
       },
       std::string(kIntro) + kOProj +
           "_scale_inv: F32 [2, 1] expected, model.safetensors has I32 [2, 1]"},
      {"scale_nan",
       [](auto& b) {
         use_fp8(b);
         b.set_f32(std::string(kOProj) + "_scale_inv", 1, NAN);
       },
       std::string(kIntro) + kOProj +
           "_scale_inv: entry 1 in model.safetensors is nan, a positive finite scale is expected"},
      {"scale_infinite",
       [](auto& b) {
         use_fp8(b);
         b.set_f32(std::string(kOProj) + "_scale_inv", 0, INFINITY);
       },
       std::string(kIntro) + kOProj +
           "_scale_inv: entry 0 in model.safetensors is inf, a positive finite scale is expected"},
      {"scale_zero",
       [](auto& b) {
         use_fp8(b);
         b.set_f32(std::string(kOProj) + "_scale_inv", 0, 0.0F);
       },
       std::string(kIntro) + kOProj +
           "_scale_inv: entry 0 in model.safetensors is 0, a positive finite scale is expected"},
      {"scale_negative",
       [](auto& b) {
         use_fp8(b);
         b.set_f32(std::string(kOProj) + "_scale_inv", 0, -1.0F);
       },
       std::string(kIntro) + kOProj +
           "_scale_inv: entry 0 in model.safetensors is -1, a positive finite scale is expected"},
      {"sparse_config_dense_weights", remove_indexers,
       "holds no indexer tensors, but config.json says deepseek_v32: these are weights of a dense "
       "model and config.json is wrong (deepseek_v3 is the dense type)"},
      {"dense_config_sparse_weights", make_dense_config,
       "holds indexer tensors, but config.json says deepseek_v3: these are weights of a sparse "
       "model and config.json is wrong (deepseek_v32 is the sparse type)"},
      {"incomplete_indexer",
       [](auto& b) { b.remove("model.layers.1.self_attn.indexer.wk.weight"); },
       std::string(kIntro) + "model.layers.1.self_attn.indexer.wk.weight is missing"},
      {"tied_head_differs", [](auto& b) { b.config()["tie_word_embeddings"] = true; },
       "lm_head.weight differs from model.embed_tokens.weight, but config.json has "
       "tie_word_embeddings true; set it to false or remove the tensor",
       base::ErrorCode::kUnsupported},
  };
  return cases;
}

std::string load_message(const std::string& dir, base::ErrorCode code, const LoadOptions& options) {
  base::ThreadPool pool(1);
  try {
    Weights::load(dir, load_config(dir), pool, options);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "accepted";
}

TEST(WeightsErrorsTest, EveryBadCheckpointIsRefusedWithItsSentence) {
  for (const BadCheckpoint& bad : bad_checkpoints()) {
    SCOPED_TRACE(bad.name);
    CheckpointBuilder builder;
    bad.damage(builder);
    const std::string dir = builder.write();
    EXPECT_EQ(load_message(dir, bad.code, {}), dir + "/model.safetensors: " + bad.sentence);
  }
}

TEST(WeightsErrorsTest, BrokenNumbersAreFoundWhereTheyAreRead) {
  CheckpointBuilder builder;
  builder.fill(tensor::DType::kF32);
  builder.set_f32("model.layers.1.self_attn.kv_b_proj.weight", 20 * 17 + 3, NAN);  // head 1, key
  EXPECT_EQ(
      load_message(builder.write(), base::ErrorCode::kInvalidFile, {}),
      "model.layers.1.self_attn.kv_b_proj.weight: row 17, column 3 is nan, a finite weight is "
      "expected");
  builder.fill(tensor::DType::kF32);
  builder.set_f32(kOProj, 20 * 5, INFINITY);
  EXPECT_EQ(
      load_message(builder.write(), base::ErrorCode::kInvalidFile,
                   {.encoding = WeightEncoding::kInt8}),
      std::string(kOProj) + ": row 5 holds a weight that is not finite or too large for int8");
}

TEST(WeightsErrorsTest, ReferenceNumericsNeedWholeGroupsInFp8Matrices) {
  CheckpointBuilder builder;  // hidden_size 136
  use_fp8(builder);
  const std::string dir = builder.write();
  EXPECT_EQ(load_message(dir, base::ErrorCode::kUnsupported, {.needs_fp8_groups = true}),
            dir +
                "/model.safetensors: model.layers.0.self_attn.q_a_proj.weight is F8_E4M3 with 136 "
                "inputs; reference numerics round these in groups of 128 and need a multiple of "
                "it, use fast numerics");
  EXPECT_EQ(load_message(dir, base::ErrorCode::kUnsupported, {}), "accepted");
}

TEST(WeightsErrorsTest, TruncatedFileIsNamedBeforeAnyTensorIsUsed) {
  CheckpointBuilder builder;
  const std::string dir = builder.write();
  const std::string file = dir + "/model.safetensors";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 100);
  const std::string message = load_message(dir, base::ErrorCode::kInvalidFile, {});
  EXPECT_NE(message.find(file + ": tensor \"model.norm.weight\" ends at byte"), std::string::npos)
      << message;
  EXPECT_NE(message.find("it is truncated, download it again"), std::string::npos) << message;
}

}  // namespace
}  // namespace levin::model
