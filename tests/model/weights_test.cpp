// Loading a checkpoint: what its tensors mean, what is copied, and how int8 re-encoding behaves.
// What is refused is in weights_errors_test.cpp.
#include "model/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "formats/checkpoint_files.h"
#include "model/checkpoint_builder.h"
#include "model/weights_int8.h"

namespace levin::model {
namespace {

using tensor::WeightFormat;
using testing::CheckpointBuilder;

const char* const kGoldenCases[] = {"v32-f32", "v32-fp8", "v32-fp8-ue8m0", "v3-dense", "v2-lite"};

std::string golden_dir(const std::string& name) {
  return std::string(LEVIN_TEST_DATA) + "/golden/" + name;
}

std::vector<float> decode(const WeightMatrix& matrix, int64_t row) {
  std::vector<float> out(static_cast<size_t>(matrix.cols));
  tensor::decode_row(matrix, row, out.data());
  return out;
}

class WeightsTest : public ::testing::Test {
 protected:
  std::unique_ptr<Weights> load(const std::string& dir, const LoadOptions& options = {},
                                OnLoadProgress on_progress = kNoLoadProgress) {
    config_ = load_config(dir);
    return Weights::load(dir, config_, pool_, options, on_progress);
  }

  base::ThreadPool pool_{2};
  Config config_;
};

TEST_F(WeightsTest, ExpectedTensorsAreThoseOfTheReleasedFiles) {
  for (const char* name : kGoldenCases) {
    SCOPED_TRACE(name);
    const Config config = load_config(golden_dir(name));
    const formats::CheckpointFiles files(golden_dir(name));
    std::set<std::string> expected;
    for (const ExpectedTensor& tensor : expected_tensors(config)) {
      const auto* found = files.find(tensor.name);
      ASSERT_NE(found, nullptr) << tensor.name;
      EXPECT_EQ(found->tensor->shape, tensor.shape) << tensor.name;
      const bool is_fp8 = found->tensor->dtype == tensor::DType::kF8E4m3;
      EXPECT_EQ(is_fp8, tensor.may_be_fp8 && config.has_fp8_weights) << tensor.name;
      expected.insert(tensor.name);
      expected.insert(is_fp8 ? tensor.name + "_scale_inv" : tensor.name);
    }
    for (const auto& [tensor_name, tensor] : files.tensors()) {
      const bool is_mtp = tensor_name.starts_with("model.layers.4.") && !config.is_sparse();
      EXPECT_TRUE(is_mtp || expected.contains(tensor_name)) << tensor_name;
    }
  }
}

TEST_F(WeightsTest, EveryGoldenCheckpointLoads) {
  for (const char* name : kGoldenCases) {
    SCOPED_TRACE(name);
    const auto weights = load(golden_dir(name));
    ASSERT_EQ(static_cast<int64_t>(weights->layers.size()), config_.num_hidden_layers);
    EXPECT_EQ(weights->embed_tokens.rows, config_.vocab_size);
    EXPECT_EQ(weights->lm_head.cols, config_.hidden_size);
    EXPECT_EQ(weights->norm.size(), static_cast<size_t>(config_.hidden_size));
    const LayerWeights& last = weights->layers.back();
    EXPECT_EQ(last.attention.q_proj.data != nullptr, config_.q_lora_rank == 0);
    EXPECT_EQ(last.attention.indexer.wk.data != nullptr, config_.is_sparse());
    EXPECT_EQ(last.moe.experts.size(), static_cast<size_t>(config_.n_routed_experts));
    EXPECT_EQ(last.moe.e_score_correction_bias.empty(), !config_.has_router_bias());
    EXPECT_EQ(weights->layers.front().mlp.up_proj.rows, config_.intermediate_size);
  }
}

TEST_F(WeightsTest, Fp8MatricesWithEdgeBlocksKeepTheirScales) {
  const auto weights = load(golden_dir("v32-fp8"));
  const formats::CheckpointFiles files(golden_dir("v32-fp8"));
  const std::string name = "model.layers.0.self_attn.kv_a_proj_with_mqa.weight";
  const auto codes = files.find(name)->tensor->bytes;
  const auto scales = files.find(name + "_scale_inv")->tensor->bytes;
  const WeightMatrix& matrix = weights->layers[0].attention.kv_a_proj;
  ASSERT_EQ(matrix.format, WeightFormat::kFp8Block);
  ASSERT_EQ(matrix.rows, 144);  // the second row of blocks has 16 rows
  for (int64_t row = 0; row < matrix.rows; ++row) {
    const std::vector<float> decoded = decode(matrix, row);
    for (int64_t col = 0; col < matrix.cols; ++col) {
      float scale = 0;
      std::memcpy(&scale, scales.data() + (row / 128 * 2 + col / 128) * 4, sizeof scale);
      const auto code = static_cast<uint8_t>(codes[static_cast<size_t>(row * matrix.cols + col)]);
      ASSERT_EQ(decoded[static_cast<size_t>(col)], base::kE4m3Values[code] * scale);
    }
  }
}

TEST_F(WeightsTest, KeyUpIsTheTransposeOfEachHeadRoundedToBf16) {
  for (const char* name : {"v32-f32", "v32-fp8"}) {
    const auto weights = load(golden_dir(name));
    const int64_t nope = config_.qk_nope_head_dim;
    for (const LayerWeights& layer : weights->layers) {
      const WeightMatrix& key_up = layer.attention.k_up_transposed;
      ASSERT_EQ(key_up.rows, config_.num_attention_heads * config_.kv_lora_rank);
      ASSERT_EQ(key_up.cols, nope);
      for (int64_t head = 0; head < config_.num_attention_heads; ++head) {
        for (int64_t n = 0; n < nope; ++n) {
          const int64_t source_row = head * (nope + config_.v_head_dim) + n;
          const std::vector<float> source = decode(layer.attention.kv_b_proj, source_row);
          for (int64_t c = 0; c < config_.kv_lora_rank; ++c) {
            const float value =
                decode(key_up, head * config_.kv_lora_rank + c)[static_cast<size_t>(n)];
            ASSERT_EQ(value, base::to_f32(base::to_bf16(source[static_cast<size_t>(c)])));
          }
        }
      }
      break;  // one layer shows it
    }
  }
}

TEST_F(WeightsTest, MappedAndCopiedBytesAddUp) {
  const auto weights = load(golden_dir("v32-f32"));
  const formats::CheckpointFiles files(golden_dir("v32-f32"));
  int64_t matrix_bytes = 0;
  int64_t vector_bytes = 0;
  for (const auto& [name, entry] : files.tensors()) {
    const bool is_matrix = entry.tensor->shape.size() == 2;
    matrix_bytes += is_matrix ? static_cast<int64_t>(entry.tensor->bytes.size()) : 0;
    vector_bytes += is_matrix ? 0 : entry.tensor->element_count() * 4;
  }
  const int64_t key_up_bytes = config_.num_hidden_layers * config_.num_attention_heads *
                               config_.kv_lora_rank * config_.qk_nope_head_dim * 2;
  EXPECT_EQ(weights->mapped_bytes, matrix_bytes);
  EXPECT_EQ(weights->copied_bytes, vector_bytes + key_up_bytes);
}

TEST_F(WeightsTest, UnalignedTensorsOfEveryFormatAreRead) {
  for (const auto dtype :
       {tensor::DType::kF32, tensor::DType::kBf16, tensor::DType::kF16, tensor::DType::kF8E4m3}) {
    SCOPED_TRACE(tensor::dtype_name(dtype));
    CheckpointBuilder builder;
    builder.shift_data_by_one_byte();
    builder.fill(dtype);
    const auto weights = load(builder.write());
    const WeightMatrix& matrix = weights->layers[0].attention.o_proj;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(matrix.data) % 2, 1U);
    EXPECT_EQ(decode(matrix, 3), builder.values("model.layers.0.self_attn.o_proj.weight", 3));
    EXPECT_EQ(weights->norm[5], builder.values("model.norm.weight", 0)[5]);
  }
}

TEST_F(WeightsTest, TiedHeadIsTheEmbeddingAndCountedOnce) {
  CheckpointBuilder untied;
  const auto reference = load(untied.write());
  CheckpointBuilder builder;
  builder.config()["tie_word_embeddings"] = true;
  builder.remove("lm_head.weight");
  const auto weights = load(builder.write());
  EXPECT_EQ(weights->lm_head.data, weights->embed_tokens.data);
  EXPECT_EQ(weights->mapped_bytes, reference->mapped_bytes - reference->lm_head.read_bytes());
  const LoadOptions int8{.encoding = WeightEncoding::kInt8};
  const auto encoded = load(builder.write(), int8);
  EXPECT_EQ(encoded->lm_head.format, WeightFormat::kInt8Group);
  EXPECT_EQ(encoded->embed_tokens.format, WeightFormat::kBf16);
}

TEST_F(WeightsTest, TiedHeadMayBeStoredIfItIsEqual) {
  CheckpointBuilder builder;
  builder.config()["tie_word_embeddings"] = true;
  builder.copy("model.embed_tokens.weight", "lm_head.weight");
  EXPECT_NO_THROW(load(builder.write()));
}

TEST_F(WeightsTest, SharedIndexerLayersHaveNoIndexerTensors) {
  CheckpointBuilder builder;
  builder.config()["architectures"] = {"GlmMoeDsaForCausalLM"};
  builder.config()["model_type"] = "glm_moe_dsa";
  builder.config()["index_topk_pattern"] = "FS";
  builder.rebuild();
  const auto weights = load(builder.write());
  EXPECT_NE(weights->layers[0].attention.indexer.wk.data, nullptr);
  EXPECT_EQ(weights->layers[1].attention.indexer.wk.data, nullptr);
}

TEST_F(WeightsTest, MtpAndUnexpectedTensorsAreLeftAlone) {
  CheckpointBuilder builder;
  builder.config()["num_nextn_predict_layers"] = 1;
  builder.copy("model.norm.weight", "model.layers.2.enorm.weight");
  builder.copy("model.norm.weight", "model.layers.0.self_attn.rotary_emb.inv_freq");
  const std::string dir = builder.write();
  base::set_log_level(base::LogLevel::kInfo);
  ::testing::internal::CaptureStderr();
  load(dir);
  const std::string log = ::testing::internal::GetCapturedStderr();
  base::set_log_level(base::LogLevel::kWarning);
  const std::string file = dir + "/model.safetensors: ";
  EXPECT_EQ(log, "levin: info: " + file +
                     "1 tensors of multi-token-prediction layers left alone\n"
                     "levin: warning: " +
                     file +
                     "1 unexpected tensors ignored: "
                     "model.layers.0.self_attn.rotary_emb.inv_freq\n");
}

TEST_F(WeightsTest, ALayerBehindTheLastIsOneOfMtpIfItHasTheProjectionOfSuchLayers) {
  CheckpointBuilder builder;  // config.json names no MTP layers
  builder.copy("model.norm.weight", "model.layers.2.enorm.weight");
  const std::string without = builder.write();
  ::testing::internal::CaptureStderr();
  load(without);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              ::testing::HasSubstr("1 unexpected tensors ignored: model.layers.2.enorm.weight"));
  builder.copy("model.norm.weight", "model.layers.2.eh_proj.weight");
  const std::string with = builder.write();
  ::testing::internal::CaptureStderr();
  load(with);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

// Official code (Gate) uses the tensor wherever it is and never reads topk_method.
TEST_F(WeightsTest, ARouterBiasThatTopkMethodDoesNotAnnounceIsUsedWithAWarning) {
  CheckpointBuilder builder;  // noaux_tc: its tensors hold biases
  builder.config()["topk_method"] = "group_limited_greedy";
  const std::string dir = builder.write();
  ::testing::internal::CaptureStderr();
  const auto weights = load(dir);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "levin: warning: " + dir +
                "/model.safetensors: config.json names a topk_method without router biases, but "
                "model.layers.1.mlp.gate.e_score_correction_bias is there: biases are used for "
                "choosing experts, as official code does\n");
  EXPECT_FALSE(config_.has_router_bias());
  EXPECT_EQ(weights->layers[1].moe.e_score_correction_bias,
            builder.values("model.layers.1.mlp.gate.e_score_correction_bias", 0));
}

TEST_F(WeightsTest, ScalesThatAreNoPowersOfTwoAreAWarningUnderUe8m0) {
  CheckpointBuilder builder;
  builder.fill(tensor::DType::kF8E4m3);
  builder.config()["quantization_config"] = {
      {"quant_method", "fp8"}, {"weight_block_size", {128, 128}}, {"scale_fmt", "ue8m0"}};
  const std::string dir = builder.write();
  ::testing::internal::CaptureStderr();
  load(dir);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              ::testing::HasSubstr("block scales are not powers of two, although scale_fmt is "
                                   "ue8m0 (first in model.embed_tokens.weight_scale_inv)"));
}

TEST(EncodeInt8RowTest, ErrorIsAtMostHalfAStep) {
  for (const float magnitude : {1e-8F, 1e-6F, 1e-4F, 0.02F, 1.0F, 300.0F, 1e6F}) {
    SCOPED_TRACE(magnitude);
    std::vector<float> row(1000);
    for (size_t i = 0; i < row.size(); ++i) {
      row[i] = magnitude * static_cast<float>(base::random_normal(7, i));
    }
    std::vector<int8_t> codes(row.size());
    std::vector<base::F16> scales(16);
    ASSERT_TRUE(encode_int8_row(row, codes.data(), scales.data()));
    for (size_t i = 0; i < row.size(); ++i) {
      const float scale = base::to_f32(scales[i / 64]);
      EXPECT_LE(std::fabs(row[i] - scale * static_cast<float>(codes[i])), 0.5001F * scale) << i;
    }
  }
}

TEST(EncodeInt8RowTest, UsesTheWholeRangeWhereFloat16IsPrecise) {
  std::vector<float> row(64, 0.01F);
  row[3] = -1.0F;
  std::vector<int8_t> codes(64);
  base::F16 scale;
  ASSERT_TRUE(encode_int8_row(row, codes.data(), &scale));
  EXPECT_EQ(codes[3], -127);
  EXPECT_EQ(codes[0], 1);
}

TEST(EncodeInt8RowTest, ZerosStayZeroAndHugeOrBrokenWeightsAreRefused) {
  std::vector<float> row(64, 0.0F);
  std::vector<int8_t> codes(64, 1);
  base::F16 scale;
  ASSERT_TRUE(encode_int8_row(row, codes.data(), &scale));
  EXPECT_EQ(scale.bits, 0);
  EXPECT_EQ(codes, std::vector<int8_t>(64, 0));
  for (const float bad : {NAN, INFINITY, -INFINITY, 1e9F}) {
    row[10] = bad;
    EXPECT_FALSE(encode_int8_row(row, codes.data(), &scale)) << bad;
  }
}

TEST_F(WeightsTest, Int8ReplacesLargeMatricesAndLeavesTheRest) {
  for (const char* name : kGoldenCases) {
    SCOPED_TRACE(name);
    const auto original = load(golden_dir(name));
    const auto encoded = load(golden_dir(name), {.encoding = WeightEncoding::kInt8});
    EXPECT_EQ(encoded->embed_tokens.format, WeightFormat::kBf16);
    EXPECT_EQ(encoded->layers[1].moe.gate.format, WeightFormat::kBf16);
    EXPECT_EQ(encoded->lm_head.format, WeightFormat::kInt8Group);
    EXPECT_EQ(encoded->layers[1].moe.experts[2].down_proj.format, WeightFormat::kInt8Group);
    EXPECT_EQ(encoded->layers[0].attention.k_up_transposed.format, WeightFormat::kBf16);
    if (config_.is_sparse()) {
      EXPECT_EQ(encoded->layers[0].attention.indexer.wq_b.format, WeightFormat::kInt8Group);
      EXPECT_EQ(encoded->layers[0].attention.indexer.weights_proj.format, WeightFormat::kBf16);
    }
    const WeightMatrix& before = original->layers[1].moe.experts[2].down_proj;
    const WeightMatrix& after = encoded->layers[1].moe.experts[2].down_proj;
    for (int64_t row = 0; row < before.rows; ++row) {
      const std::vector<float> exact = decode(before, row);
      const std::vector<float> coded = decode(after, row);
      const float amax = std::fabs(
          *std::ranges::max_element(exact, {}, [](float value) { return std::fabs(value); }));
      for (size_t i = 0; i < exact.size(); ++i) {
        ASSERT_NEAR(coded[i], exact[i], amax / 127 * 0.502);
      }
    }
    EXPECT_EQ(decode(encoded->layers[0].attention.k_up_transposed, 5),
              decode(original->layers[0].attention.k_up_transposed, 5));
  }
}

TEST_F(WeightsTest, OpeningCountsWhatLoadingCopiesAndCopiesNoMatrix) {
  for (const WeightEncoding encoding : {WeightEncoding::kAsIs, WeightEncoding::kInt8}) {
    const auto loaded = load(golden_dir("v32-fp8"), {.encoding = encoding});
    const auto opened = Weights::open(golden_dir("v32-fp8"), config_, {.encoding = encoding});
    EXPECT_EQ(opened->mapped_bytes, loaded->mapped_bytes);
    EXPECT_EQ(opened->copied_bytes, loaded->copied_bytes);
    EXPECT_EQ(opened->layers[0].attention.k_up_transposed.data, nullptr);
    EXPECT_NE(opened->lm_head.format, WeightFormat::kInt8Group);
  }
}

TEST_F(WeightsTest, Int8DoesNotDependOnThreads) {
  base::ThreadPool one(1);
  const LoadOptions options{.encoding = WeightEncoding::kInt8};
  const auto a = load(golden_dir("v32-fp8"), options);
  const auto b = Weights::load(golden_dir("v32-fp8"), config_, one, options);
  const WeightMatrix& x = a->layers[2].moe.shared_experts.up_proj;
  const WeightMatrix& y = b->layers[2].moe.shared_experts.up_proj;
  EXPECT_TRUE(std::equal(x.data, x.data + x.rows * x.cols, y.data));
}

TEST_F(WeightsTest, ProgressReachesItsTotal) {
  int64_t last_done = 0;
  int64_t total = 0;
  auto report = [&](int64_t done_bytes, int64_t total_bytes) {
    EXPECT_GE(done_bytes, last_done);
    last_done = done_bytes;
    total = total_bytes;
  };
  load(golden_dir("v32-fp8"), {.encoding = WeightEncoding::kInt8}, report);
  EXPECT_GT(total, 0);
  EXPECT_EQ(last_done, total);
}

TEST_F(WeightsTest, CancellationStopsALoadBeforeItsFirstOrInItsMiddle) {
  for (const bool is_cancelled_before : {true, false}) {
    base::CancelToken cancel;
    int64_t calls = 0;
    int64_t last_done = 0;
    int64_t total = 0;
    auto report = [&](int64_t done_bytes, int64_t total_bytes) {
      ++calls;
      last_done = done_bytes;
      total = total_bytes;
      cancel.cancel();
    };
    const LoadOptions options{.encoding = WeightEncoding::kInt8, .cancel = &cancel};
    if (is_cancelled_before) {
      cancel.cancel();
    }
    try {
      load(golden_dir("v32-fp8"), options, report);
      ADD_FAILURE() << "not cancelled";
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ErrorCode::kCancelled);
    }
    EXPECT_EQ(calls, is_cancelled_before ? 0 : 1);
    EXPECT_TRUE(is_cancelled_before || (0 < last_done && last_done < total));
  }
}

}  // namespace
}  // namespace levin::model
