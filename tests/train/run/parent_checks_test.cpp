// A recipe that starts from a checkpoint: what it may change of it.
#include "train/run/parent_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "formats/temporary_folder.h"
#include "train/recipe/parse.h"
#include "train/run/train_process.h"

namespace levin::train::run {
namespace {

using levin::testing::file_bytes;
using levin::testing::last_checkpoint;
using levin::testing::make_dense_model;
using levin::testing::run_program;
using levin::testing::small_data_section;
using levin::testing::TemporaryFolder;
using levin::testing::train;
using levin::testing::TrainResult;
using ::testing::HasSubstr;

constexpr const char* kChild = R"(
[model]
parent = "parent"
[data]
folder = "data"
[[stage]]
name = "D"
row_tokens = 96
tokens_per_step = 96
max_steps = 1
)";

model::Config plain_parent() {
  model::Config config;
  config.max_position_embeddings = 256;
  return config;
}

model::Config yarn_parent() {
  model::Config config;
  config.max_position_embeddings = 512;
  config.rope_scaling = {.is_yarn = true,
                         .factor = 2,
                         .beta_fast = 16,
                         .mscale_all_dim = 1,
                         .original_max_position_embeddings = 256};
  return config;
}

model::Config extended(model::Config parent, const std::vector<std::string>& keys) {
  std::vector<std::string> overrides;
  for (const std::string& key : keys) {
    overrides.push_back("model." + key);
  }
  extend_context(recipe::parse_recipe(kChild, "child.toml", overrides), parent);
  return parent;
}

std::string complaint(const model::Config& parent, const std::vector<std::string>& keys) {
  try {
    (void)extended(parent, keys);
    return "";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::kInvalidArgument);
    return error.what();
  }
}

TEST(ContextExtension, YarnReachesFactorTimesTheContextOfTheParent) {
  const model::Config config =
      extended(plain_parent(),
               {"rope_scaling.factor=4", "rope_scaling.original_max_position_embeddings=256"});
  EXPECT_TRUE(config.rope_scaling.is_yarn);
  EXPECT_EQ(config.rope_scaling.factor, 4.0);
  EXPECT_EQ(config.rope_scaling.original_max_position_embeddings, 256);
  EXPECT_EQ(config.max_position_embeddings, 1024);
  EXPECT_EQ(extended(plain_parent(), {"rope_scaling.factor=4", "max_position_embeddings=600",
                                      "rope_scaling.original_max_position_embeddings=256"})
                .max_position_embeddings,
            600);
}

TEST(ContextExtension, WithoutKeysTheParentStaysAsItIs) {
  const model::Config config = extended(yarn_parent(), {});
  EXPECT_EQ(config.rope_scaling.factor, 2.0);
  EXPECT_EQ(config.rope_scaling.beta_fast, 16.0);
  EXPECT_EQ(config.max_position_embeddings, 512);
}

TEST(ContextExtension, AParentWithYarnIsExtendedOnce) {
  const std::vector<std::string> same = {"rope_scaling.original_max_position_embeddings=256",
                                         "rope_scaling.beta_fast=16"};
  const auto with_factor = [&](const char* factor) {
    std::vector<std::string> keys = same;
    keys.push_back(std::string("rope_scaling.factor=") + factor);
    return keys;
  };
  EXPECT_EQ(extended(yarn_parent(), with_factor("8")).max_position_embeddings, 2048);
  EXPECT_THAT(complaint(yarn_parent(), with_factor("1.5")),
              HasSubstr("factor is 1.5, the parent's is 2"));
}

TEST(ContextExtension, WhatContradictsTheParentIsRefusedByItsKey) {
  EXPECT_THAT(
      complaint(plain_parent(), {"rope_scaling.factor=4"}),
      HasSubstr("original_max_position_embeddings is 4096, the parent was trained with 256"));
  EXPECT_THAT(complaint(yarn_parent(), {"rope_scaling.factor=4",
                                        "rope_scaling.original_max_position_embeddings=256"}),
              HasSubstr("beta_fast is 32, the parent was trained with 16"));
  EXPECT_THAT(complaint(plain_parent(), {"max_position_embeddings=128"}),
              HasSubstr("max_position_embeddings would be 128, the parent's is 256"));
  EXPECT_THAT(complaint(yarn_parent(), {"max_position_embeddings=1024"}),
              HasSubstr("YaRN reaches 512"));
  model::Config short_parent;
  short_parent.max_position_embeddings = 64;
  EXPECT_THAT(complaint(short_parent, {}), HasSubstr("row_tokens is 96, but the parent's context"));
}

TEST(SparseParent, AnotherIndexerIsRefused) {
  model::Config parent = plain_parent();
  parent.indexer.index_n_heads = 4;
  parent.indexer.index_head_dim = 128;
  parent.indexer.index_topk = 64;
  const auto complaint_of = [&](std::vector<std::string> overrides) -> std::string {
    overrides.emplace_back("stage.D.kind=sparse");
    try {
      require_same_indexer(recipe::parse_recipe(kChild, "child.toml", overrides), parent);
      return "";
    } catch (const base::Error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(complaint_of({}), "");
  EXPECT_EQ(complaint_of({"indexer.index_topk=64"}), "");
  EXPECT_THAT(complaint_of({"indexer.index_topk=32"}),
              HasSubstr("[indexer] index_topk is 32, the parent has an indexer with 64"));
  EXPECT_THAT(complaint_of({"indexer.index_topk=64", "indexer.index_n_heads=8"}),
              HasSubstr("index_n_heads is 8"));
}

/// A dense child with YaRN, and the engine beyond the parent's 256 positions.
TEST(ContextExtensionSlow, TheEngineReadsTheExtendedModel) {
  const TemporaryFolder folder;
  const std::string recipe = folder.file("child.toml");
  std::ofstream(recipe)
      << "[model]\nparent = \"" << make_dense_model(folder.path())
      << "\"\ntied_input_scale = 20.0\n[model.rope_scaling]\nfactor = 2\n"
         "original_max_position_embeddings = 256\n"
      << small_data_section()
      << "[indexer]\nindex_n_heads = 2\nindex_head_dim = 32\nindex_topk = 16\n"
         "[defaults]\nrow_tokens = 400\ntokens_per_step = 400\nmax_steps = 2\n"
         "[defaults.sample]\ndocument_tokens_min = 64\ndocument_tokens_max = 401\n"
         "[[stage]]\nname = \"D\"\n[[stage]]\nname = \"W\"\nkind = \"warmup\"\n";
  const TrainResult result = train({"run", recipe, "--out", folder.file("child")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string model = folder.file("model");
  ASSERT_EQ(
      run_program(LEVIN_TRAIN_BINARY, {"export", folder.file("child"), "--out", model}).exit_code,
      0);
  const auto config = nlohmann::json::parse(file_bytes(model + "/config.json"));
  EXPECT_EQ(config.at("max_position_embeddings"), 512);
  EXPECT_EQ(config.at("rope_scaling"), nlohmann::json({{"type", "yarn"},
                                                       {"factor", 2.0},
                                                       {"original_max_position_embeddings", 256},
                                                       {"beta_fast", 32.0},
                                                       {"beta_slow", 1.0},
                                                       {"mscale", 1.0},
                                                       {"mscale_all_dim", 1.0}}));
  std::string prompt;
  for (int word = 0; word < 300; ++word) {
    prompt += " the";
  }
  const TrainResult answer =
      run_program(LEVIN_BINARY, {"generate", model, "--prompt", prompt, "--max-tokens", "3"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;

  std::ofstream(folder.file("other.toml"))
      << "[model]\nparent = \"" << model << "\"\n"
      << small_data_section()
      << "[indexer]\nindex_topk = 8\n[[stage]]\nname = \"S\"\nkind = \"sparse\"\n"
         "row_tokens = 96\ntokens_per_step = 96\nmax_steps = 1\n";
  const TrainResult refused = train({"run", folder.file("other.toml"), "--out", folder.file("x")});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("the parent has an indexer with"));
}

}  // namespace
}  // namespace levin::train::run
