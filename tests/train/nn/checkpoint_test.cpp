// Saving and loading: same bits back, readable by the engine, and one sentence for what does not
// fit.
#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/thread_pool.h"
#include "formats/safetensors_writer.h"
#include "formats/temporary_folder.h"
#include "golden_case.h"
#include "model/weights.h"
#include "tiny_model.h"
#include "train/nn/config_json.h"
#include "train/nn/load.h"
#include "train/nn/save.h"

namespace levin::train::nn {
namespace {

using ::levin::testing::TemporaryFolder;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::random_model;
using testing::tiny_sparse_config;

void expect_same(const ModelWeights& found, const ModelWeights& wanted) {
  const std::vector<NamedParameter> a = named_parameters(found);
  const std::vector<NamedParameter> b = named_parameters(wanted);
  ASSERT_EQ(a.size(), b.size());
  for (size_t at = 0; at < a.size(); ++at) {
    EXPECT_EQ(a[at].spec.name, b[at].spec.name);
    EXPECT_TRUE(at::equal(a[at].tensor, b[at].tensor)) << a[at].spec.name;
  }
}

ModelWeights tied_model(double scale) {
  ModelWeights weights = random_model(tiny_sparse_config(6), at::kFloat);
  weights.tied_input_scale = scale;
  weights.embed_tokens = at::Tensor();
  return weights;
}

TEST(TrainCheckpoint, WhatWasSavedInF32ComesBackBitForBit) {
  const TemporaryFolder folder;
  const ModelWeights weights = random_model(tiny_sparse_config(6), at::kFloat);
  save_model(weights, folder.path(), StoredDtype::kF32);
  expect_same(load_model(folder.path()), weights);
}

TEST(TrainCheckpoint, SavingWhatWasLoadedInBf16ChangesNoBit) {
  const TemporaryFolder first;
  const TemporaryFolder second;
  std::filesystem::create_directories(second.file("again"));
  save_model(random_model(tiny_sparse_config(6), at::kFloat), first.path(), StoredDtype::kBf16);
  save_model(load_model(first.path()), second.file("again"), StoredDtype::kBf16);
  for (const char* name : {"/model.safetensors", "/config.json"}) {
    EXPECT_EQ(base::read_file(first.path() + name, 1 << 24),
              base::read_file(second.file("again") + name, 1 << 24));
  }
}

TEST(TrainCheckpoint, TheEngineLoadsWhatTheTrainerSaves) {
  for (const StoredDtype dtype : {StoredDtype::kF32, StoredDtype::kBf16}) {
    const TemporaryFolder folder;
    save_model(tied_model(20.0), folder.path(), dtype);
    base::ThreadPool pool(1);
    const model::Config config = model::load_config(folder.path());
    EXPECT_EQ(config.architecture, "DeepseekV32ForCausalLM");
    EXPECT_NO_THROW(model::Weights::load(folder.path(), config, pool));
  }
}

TEST(TrainCheckpoint, AScaledTieIsFoldedOnTheWayOutAndFoundAgainOnTheWayIn) {
  for (const StoredDtype dtype : {StoredDtype::kF32, StoredDtype::kBf16}) {
    const TemporaryFolder folder;
    const ModelWeights weights = tied_model(20.0);
    save_model(weights, folder.path(), dtype);

    const ModelWeights plain = load_model(folder.path());
    EXPECT_EQ(plain.tied_input_scale, 0.0);
    EXPECT_TRUE(at::allclose(plain.embed_tokens, weights.lm_head * 20.0, 0x1p-8, 0.0));

    LoadOptions options;
    options.tied_input_scale = 20.0;
    const ModelWeights tied = load_model(folder.path(), options);
    EXPECT_FALSE(tied.embed_tokens.defined());
    EXPECT_TRUE(at::equal(tied.lm_head, plain.lm_head));
  }
}

std::string load_error(const std::string& folder, const LoadOptions& options = {}) {
  try {
    load_model(folder, options);
  } catch (const base::Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(TrainCheckpoint, AFactorThatTheCheckpointWasNotTiedByIsRefused) {
  const TemporaryFolder folder;
  save_model(tied_model(20.0), folder.path(), StoredDtype::kBf16);
  LoadOptions options;
  options.tied_input_scale = 16.0;
  EXPECT_THAT(load_error(folder.path(), options),
              HasSubstr("model.embed_tokens.weight is not 16 times lm_head.weight"));
}

TEST(TrainCheckpoint, OneTableForBothEndsStaysOneTensor) {
  const TemporaryFolder folder;
  ModelWeights weights = tied_model(1.0);
  weights.config.tie_word_embeddings = true;
  save_model(weights, folder.path(), StoredDtype::kF32);
  const ModelWeights loaded = load_model(folder.path());
  EXPECT_EQ(loaded.tied_input_scale, 1.0);
  expect_same(loaded, weights);
  EXPECT_EQ(formats::CheckpointFiles(folder.path()).find("lm_head.weight"), nullptr);
}

TEST(TrainCheckpoint, LoadsShardedFp8WithItsBlockScales) {
  const ModelWeights weights = load_model(testing::golden_folder("v32-fp8"));
  const formats::CheckpointFiles files(testing::golden_folder("v32-fp8"));
  const std::string name = "model.layers.0.self_attn.kv_a_proj_with_mqa.weight";
  const formats::CheckpointTensor* stored = files.find(name);
  const formats::CheckpointTensor* scales = files.find(name + "_scale_inv");
  ASSERT_NE(scales, nullptr);
  const at::Tensor scale = testing::to_tensor(*scales->tensor);
  const at::Tensor& loaded = weights.layers[0].self_attn.kv_a_proj_with_mqa;
  const int64_t rows = loaded.size(0);
  const int64_t cols = loaded.size(1);
  for (const auto& [row, col] : {std::pair<int64_t, int64_t>{0, 0}, {rows - 1, cols - 1}}) {
    const auto code =
        static_cast<uint8_t>(stored->tensor->bytes[static_cast<size_t>(row * cols + col)]);
    const float value = base::to_f32(base::E4m3{code});
    EXPECT_EQ(loaded[row][col].item<float>(),
              value * static_cast<float>(scale[row / 128][col / 128].item<double>()));
  }
}

/// Writes the tiny model with a change to its tensors' shapes by name, all zeros.
void write_changed(
    const std::string& folder,
    const std::function<void(std::map<std::string, std::vector<int64_t>>&)>& change) {
  ModelWeights weights = random_model(tiny_sparse_config(6), at::kFloat);
  base::write_file_atomically(folder + "/config.json", config_json(weights.config, "float32"));
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const NamedParameter& parameter : named_parameters(weights)) {
    shapes[parameter.spec.name] = parameter.spec.shape;
  }
  change(shapes);
  std::vector<formats::TensorDeclaration> declarations;
  for (const auto& [name, shape] : shapes) {
    declarations.push_back({name, tensor::DType::kF32, shape});
  }
  formats::SafetensorsWriter writer(folder + "/model.safetensors", declarations);
  writer.append(std::vector<std::byte>(static_cast<size_t>(writer.data_bytes())));
  writer.finish();
}

TEST(TrainCheckpoint, MissingTensorsAreNamed) {
  const TemporaryFolder folder;
  write_changed(folder.path(),
                [](auto& shapes) { shapes.erase("model.layers.1.mlp.gate.weight"); });
  EXPECT_EQ(load_error(folder.path()),
            folder.file("model.safetensors") +
                ": the tensors are not those of config.json: model.layers.1.mlp.gate.weight is "
                "missing");
}

TEST(TrainCheckpoint, UnknownTensorsAreNamed) {
  const TemporaryFolder folder;
  write_changed(folder.path(), [](auto& shapes) {
    shapes["model.layers.0.self_attn.q_proj.weight"] = {4, 4};
  });
  EXPECT_THAT(load_error(folder.path()),
              EndsWith("model.layers.0.self_attn.q_proj.weight does not belong to a deepseek_v32"));
}

TEST(TrainCheckpoint, LayersBehindTheLastAreRefusedUnlessTheyPredictFurtherTokens) {
  const TemporaryFolder folder;
  save_model(tied_model(20.0), folder.path(), StoredDtype::kF32);
  const std::string path = folder.path() + "/config.json";
  const auto set_config = [&](const char* key, int64_t value) {
    auto config = nlohmann::json::parse(base::read_file(path, 1 << 20));
    config[key] = value;
    base::write_file_atomically(path, config.dump());
  };
  const auto layers = static_cast<int64_t>(load_model(folder.path()).layers.size());
  set_config("num_hidden_layers", layers - 1);
  EXPECT_THAT(load_error(folder.path()),
              HasSubstr(fmt::format("model.layers.{}.input_layernorm.weight does not belong to a",
                                    layers - 1)));
  set_config("num_nextn_predict_layers", 1);
  EXPECT_EQ(load_model(folder.path()).layers.size(), static_cast<size_t>(layers - 1));
}

TEST(TrainCheckpoint, WrongShapesAreNamedAndManyProblemsCounted) {
  const TemporaryFolder folder;
  write_changed(folder.path(), [](auto& shapes) { shapes["model.norm.weight"] = {31}; });
  EXPECT_THAT(load_error(folder.path()),
              EndsWith("model.norm.weight: shape [32] expected, file has [31]"));
  write_changed(folder.path(), [](auto& shapes) {
    std::erase_if(shapes, [](const auto& entry) {
      return entry.first.find(".experts.3.") != std::string::npos;
    });
  });
  EXPECT_THAT(load_error(folder.path()), EndsWith("is missing; and 3 more"));
}

TEST(TrainCheckpoint, AWeightThatIsNanIsNotSavedAndTheOldFileStays) {
  const TemporaryFolder folder;
  const ModelWeights weights = random_model(tiny_sparse_config(6), at::kFloat);
  save_model(weights, folder.path(), StoredDtype::kF32);
  const std::string before = base::read_file(folder.file("model.safetensors"), 1 << 24);
  weights.norm[5] = std::nan("");
  EXPECT_THROW(save_model(weights, folder.path(), StoredDtype::kF32), base::Error);
  EXPECT_EQ(base::read_file(folder.file("model.safetensors"), 1 << 24), before);
}

TEST(TrainCheckpoint, CompanionFilesComeAlongAsFarAsTheyExist) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.file("to"));
  base::write_file_atomically(folder.file("tokenizer.json"), "{\"a\": 1}");
  copy_companion_files(folder.path(), folder.file("to"));
  EXPECT_EQ(base::read_file(folder.file("to/tokenizer.json"), 100), "{\"a\": 1}");
  EXPECT_FALSE(std::filesystem::exists(folder.file("to/generation_config.json")));
}

}  // namespace
}  // namespace levin::train::nn
