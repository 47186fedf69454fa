// The estimate of memory before the first step.
#include "train/run/memory.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "base/error.h"
#include "formats/safetensors.h"
#include "formats/temporary_folder.h"
#include "train/data/small_data.h"
#include "train/recipe/parse.h"
#include "train/run/model_setup.h"
#include "train/run/optimizer_set.h"
#include "train/run/small_recipe.h"
#include "train/run/train_process.h"

namespace levin::train::run {
namespace {

using levin::testing::file_bytes;
using levin::testing::last_checkpoint;
using levin::testing::TemporaryFolder;
using levin::testing::train;
using levin::testing::TrainResult;
using levin::testing::write_micro_recipe;
using ::testing::HasSubstr;

constexpr int64_t kGib = int64_t{1} << 30;
/// Rows that a step takes: 100,000 of 96 tokens.
constexpr const char* kManyRows = "tokens_per_step=9600000";

class Memory : public ::testing::Test {
 protected:
  Memory() : path_(write_micro_recipe(folder_.path())) {}

  recipe::Recipe recipe(const std::vector<std::string>& overrides) const {
    return recipe::load_recipe(path_, overrides);
  }

  static MemoryNeed need(const recipe::Recipe& recipe, int64_t first_stage_idx = 0,
                         const RankCount& ranks = {}) {
    const model::Config config = starting_config(recipe, {data::test::kSmallVocab});
    return largest_step(recipe, config_of_stages(recipe, config, first_stage_idx), first_stage_idx,
                        ranks);
  }

  static std::string complaint(const MemoryNeed& need, const RankCount& ranks, int64_t available) {
    try {
      require_memory(need, ranks, available, "r.toml");
      return "";
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ErrorCode::kOutOfMemory);
      return error.what();
    }
  }

  TemporaryFolder folder_;
  std::string path_;
};

TEST_F(Memory, AStepThatCannotFitIsRefusedWithItsEstimate) {
  for (const char* stage : {"D", "W", "S"}) {
    const recipe::Recipe large = recipe({std::string("stage.") + stage + "." + kManyRows});
    const MemoryNeed most = need(large);
    EXPECT_EQ(most.stage->name, stage);
    EXPECT_EQ(complaint(most, {}, int64_t{1} << 50), "");
    EXPECT_EQ(complaint(most, {}, 0), "") << "the system does not say";
    EXPECT_THAT(complaint(most, {}, 8 * kGib), HasSubstr(std::string("stage \"") + stage +
                                                         "\": a step of 100000 rows of 96 tokens"));
    EXPECT_THAT(complaint(most, {}, 8 * kGib), HasSubstr("lower tokens_per_step"));
  }
}

TEST_F(Memory, StagesThatAreDoneDoNotCount) {
  const recipe::Recipe large = recipe({std::string("stage.D.") + kManyRows});
  EXPECT_EQ(need(large, 0).stage->name, "D");
  EXPECT_NE(need(large, 1).stage->name, "D");
  EXPECT_LT(need(large, 1).bytes, need(large, 0).bytes / 10);
}

TEST_F(Memory, RanksShareTheRowsAndTheMachine) {
  const recipe::Recipe large = recipe({std::string("stage.D.") + kManyRows});
  const RankCount two{.all = 2, .local = 2};
  const int64_t alone = need(large).bytes;
  const MemoryNeed each = need(large, 0, two);
  EXPECT_LT(each.bytes, alone * 6 / 10) << "half of the rows";
  EXPECT_EQ(complaint(each, two, 2 * each.bytes), "");
  EXPECT_THAT(complaint(each, two, 2 * each.bytes - 2), HasSubstr("on each of 2 ranks here"));
  const RankCount apart{.all = 2, .local = 1};
  EXPECT_EQ(complaint(each, apart, each.bytes), "") << "a machine each";
}

/// Bytes of weights, gradients and optimizer state that a stage holds after its first step.
int64_t held_bytes(const recipe::Recipe& recipe, const std::string& state_path) {
  const recipe::StageSettings& stage = recipe.stages.front();
  nn::ModelWeights weights = starting_weights(recipe, {data::test::kSmallVocab});
  if (stage.kind != recipe::StageKind::kDense) {
    ensure_indexer(weights, recipe);
  }
  nn::set_trainable(weights, stage.kind == recipe::StageKind::kWarmUp ? nn::Trainable::kIndexer
                             : stage.kind == recipe::StageKind::kDense
                                 ? nn::Trainable::kModelWithoutIndexer
                                 : nn::Trainable::kEverything);
  const OptimizerSet optimizers(weights, stage);
  optimizers.gather_gradients(nullptr);
  size_t bytes = 0;
  for (const nn::NamedParameter& parameter : nn::named_parameters(weights)) {
    const at::Tensor& gradient = parameter.tensor.grad();
    bytes += parameter.tensor.nbytes() + (gradient.defined() ? gradient.nbytes() : 0);
  }
  optimizers.save(state_path);
  const formats::SafetensorsFile state(state_path);
  for (const auto& [name, stored] : state.tensors()) {
    bytes += name.ends_with(".steps") ? 0 : stored.bytes.size();
  }
  return static_cast<int64_t>(bytes);
}

TEST_F(Memory, FrozenParametersHaveNeitherGradientsNorMomentsAndMuonHasOne) {
  const recipe::Recipe all = recipe({});
  std::map<std::string, int64_t> model_bytes;
  for (const recipe::StageSettings& stage : all.stages) {
    for (const auto optimizer : {recipe::OptimizerKind::kMuon, recipe::OptimizerKind::kAdamW}) {
      recipe::Recipe one = all;
      one.stages = {stage};
      one.stages[0].optimizer = optimizer;
      const bool is_muon = optimizer == recipe::OptimizerKind::kMuon;
      const std::string name = stage.name + (is_muon ? " muon" : " adamw");
      const int64_t held = held_bytes(one, folder_.file("state"));
      model_bytes[name] = need(one).model_bytes;
      EXPECT_GE(model_bytes[name], held) << name;
      EXPECT_LE(model_bytes[name], held + 3 * 4 * 4) << name << ": the biases of four experts";
    }
  }
  EXPECT_LT(model_bytes["D muon"], model_bytes["D adamw"]);
  EXPECT_LT(2 * model_bytes["W muon"], model_bytes["S adamw"]);
  EXPECT_EQ(model_bytes["W muon"], model_bytes["W adamw"]) << "the indexer has AdamW";
}

TEST_F(Memory, AModelThatCannotFitIsRefusedBeforeItIsMade) {
  const recipe::Recipe largest =
      recipe({"model.hidden_size=1048576", "model.num_hidden_layers=1024",
              "model.n_routed_experts=4096", "model.moe_intermediate_size=1048576"});
  const MemoryNeed most = need(largest);
  EXPECT_GT(most.model_bytes, int64_t{1} << 60) << "the sum of the sizes does not overflow";
  EXPECT_THAT(complaint(most, {}, 8 * kGib), HasSubstr("the model alone takes"));
  const std::string run = folder_.file("run");
  const TrainResult refused =
      train({"run", path_, "--out", run, "--set", "model.hidden_size=1048576", "--set",
             "model.num_hidden_layers=1024"},  // no machine has so much
            {.memory_bytes = 4 * kGib});
  EXPECT_EQ(refused.exit_code, 7);
  EXPECT_THAT(refused.err, HasSubstr("error: " + path_ + ": stage \""));
  EXPECT_THAT(refused.err, HasSubstr("needs about"));
  EXPECT_THAT(refused.err, HasSubstr("make it smaller in [model]"));
  EXPECT_FALSE(std::filesystem::exists(run + "/recipe.toml"));
}

using MemorySlow = Memory;

TEST_F(MemorySlow, ARunSaysItBeforeTheFirstStepAndWhenItGoesOn) {
  const std::string run = folder_.file("run");
  const TrainResult first = train({"run", path_, "--out", run});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.err, HasSubstr("tokens at a time needs about"));
  EXPECT_LT(first.err.find("needs about"), first.err.find("stage D: dense"));
  const TrainResult again = train({"run", path_, "--out", run, "--resume"});
  EXPECT_THAT(again.err, HasSubstr("tokens at a time needs about"));
  // As if the run had been begun where there is more memory.
  std::string begun = file_bytes(run + "/recipe.toml");
  const std::string line = "tokens_per_step = ";
  begun.replace(begun.rfind(line + "192"), line.size() + 3, line + "9600000");
  std::ofstream(run + "/recipe.toml") << begun;
  const TrainResult short_of_memory =
      train({"run", path_, "--out", run, "--resume", "--set", std::string("stage.S.") + kManyRows});
  EXPECT_EQ(short_of_memory.exit_code, 7);
  EXPECT_THAT(short_of_memory.err,
              HasSubstr("raise accumulation or lower tokens_per_step, in a recipe of what is left "
                        "of the stages, with [model] parent = \"" +
                        last_checkpoint(run) + "\""))
      << "the folder takes no other recipe";

  const TrainResult refused = train(
      {"run", path_, "--out", folder_.file("large"), "--set", std::string("stage.W.") + kManyRows});
  EXPECT_EQ(refused.exit_code, 7);
  EXPECT_THAT(refused.err, HasSubstr("stage \"W\": a step of 100000 rows"));
}

constexpr const char* kMeasuredRecipe = R"(
[[stage]]
name = "X"
row_tokens = 512
tokens_per_step = 8192
max_steps = 1
[stage.sample]
document_tokens_min = 256
document_tokens_max = 513
)";

TEST_F(MemorySlow, TheEstimateIsAboveWhatAStepTakesAndNotFar) {
  const std::string path = folder_.file("measured.toml");
  std::ofstream(path) << mini_sized_model("max_position_embeddings = 512\n") << kMeasuredRecipe
                      << levin::testing::small_data_section();
  for (const char* kind : {"dense", "warmup", "sparse"}) {
    std::vector<std::string> overrides = {std::string("stage.X.kind=") + kind};
    if (kind != std::string("dense")) {
      overrides.emplace_back("indexer.index_topk=64");
    }
    const int64_t estimate = need(recipe::load_recipe(path, overrides)).bytes;
    std::vector<std::string> args = {"run", path, "--out", folder_.file(kind)};
    for (const std::string& override_text : overrides) {
      args.insert(args.end(), {"--set", override_text});
    }
    const TrainResult run = train(args);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_LE(run.peak_memory_bytes, estimate) << kind;
    EXPECT_GE(run.peak_memory_bytes, estimate * 2 / 5) << kind;
  }
}

}  // namespace
}  // namespace levin::train::run
