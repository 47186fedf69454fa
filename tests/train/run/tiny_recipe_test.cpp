// recipes/tiny: data, dense, warm-up, sparse, and the model in the engine.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "formats/temporary_folder.h"
#include "train/data/build_data.h"
#include "train/data/generator.h"
#include "train/nn/load.h"
#include "train/recipe/parse.h"
#include "train/run/batch.h"
#include "train/run/first_losses.h"
#include "train/run/run_folder.h"
#include "train/run/selection_quality.h"
#include "train/run/train_process.h"

namespace levin::train::run {
namespace {

using levin::testing::last_checkpoint;
using levin::testing::run_program;
using levin::testing::TemporaryFolder;
using levin::testing::TrainResult;

double mean_text_loss(const std::vector<StepMetrics>& steps, size_t begin, size_t count) {
  double sum = 0.0;
  for (size_t i = begin; i < begin + count; ++i) {
    sum += steps.at(i).text_loss.value();
  }
  return sum / static_cast<double>(count);
}

/// The indexers keep clearly more of the attention than the last tokens do, in every layer.
void expect_beats_recency(const std::vector<double>& indexer, const std::vector<double>& recency,
                          const std::string& what) {
  ASSERT_FALSE(indexer.empty());
  for (size_t layer_idx = 0; layer_idx < indexer.size(); ++layer_idx) {
    EXPECT_GT(indexer[layer_idx], recency.at(layer_idx) + 0.05) << what;
  }
}

void expect_engine_runs(const std::string& model) {
  const TrainResult answer =
      run_program(LEVIN_BINARY,
                  {"generate", model, "--prompt", "What is the code of Zoe?", "--max-tokens", "4"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
}

/// levin-train sparsify makes of the dense stage what the recipe's warm-up makes of it.
void expect_sparsify_finds_the_attention(const std::string& recipe_path, const std::string& data,
                                         const std::string& run, const TemporaryFolder& folder) {
  const std::string dense = folder.file("dense");
  const std::string sparse = folder.file("sparse");
  ASSERT_EQ(
      run_program(LEVIN_TRAIN_BINARY, {"export", run, "--out", dense, "--stage", "D2"}).exit_code,
      0);
  const TrainResult made = run_program(
      LEVIN_TRAIN_BINARY,
      {"sparsify", dense, "--data", data, "--out", sparse, "--steps", "150", "--row-tokens", "256",
       "--index-heads", "2", "--index-head-dim", "64", "--topk", "32", "--lr", "0.01"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const nn::ModelWeights weights = nn::load_model(sparse);
  EXPECT_EQ(weights.config.architecture, "DeepseekV32ForCausalLM");
  expect_engine_runs(sparse);

  const recipe::Recipe recipe = recipe::load_recipe(recipe_path);
  const recipe::StageSettings& stage = recipe.stages.back();
  const data::DataSet set = data::load_data(data);
  const data::Generator generator(set.tokenizer, set.train);
  std::vector<data::Row> rows;
  for (int64_t row_idx = 0; row_idx < 8; ++row_idx) {
    rows.push_back(generator.make_row(stage.sample, stage.row_tokens, 99, row_idx));
  }
  std::vector<double> indexer;
  std::vector<double> recency;
  for (const LayerSelection& layer : measure_selection(weights, make_batch(rows))) {
    indexer.push_back(layer.indexer);
    recency.push_back(layer.recency);
  }
  EXPECT_EQ(indexer.size(), 2U);
  expect_beats_recency(indexer, recency, "sparsify");
}

TEST(TinyRecipeSlow, GoesThroughAllStagesLearnsAndBeatsRecency) {
  const TemporaryFolder folder;
  const std::string recipe = std::string(LEVIN_SOURCE_DIR) + "/recipes/tiny/tiny.toml";
  const std::string data = "data.folder=" + folder.file("data");
  const std::string run = folder.file("run");
  const TrainResult built =
      run_program(LEVIN_TRAIN_BINARY, {"data", "build", recipe, "--set", data});
  ASSERT_EQ(built.exit_code, 0) << built.err;
  const TrainResult trained =
      run_program(LEVIN_TRAIN_BINARY, {"run", recipe, "--set", data, "--out", run});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;

  const auto steps = read_metrics(metrics_path(run));
  expect_first_losses(steps, "tiny/tiny.losses.jsonl");
  EXPECT_LT(mean_text_loss(steps, 110, 10), 0.75 * mean_text_loss(steps, 0, 10)) << "stage D1";

  std::ifstream file(selection_path(run));
  std::string line;
  int lines = 0;
  while (std::getline(file, line)) {
    ++lines;
    const auto selection = nlohmann::json::parse(line);
    expect_beats_recency(selection.at("indexer").get<std::vector<double>>(),
                         selection.at("recency").get<std::vector<double>>(), line);
  }
  EXPECT_EQ(lines, 2) << "one after the warm-up, one after sparse training";

  expect_engine_runs(last_checkpoint(run));
  expect_sparsify_finds_the_attention(recipe, folder.file("data"), run, folder);
}

}  // namespace
}  // namespace levin::train::run
