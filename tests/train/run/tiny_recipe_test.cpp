// recipes/tiny: data, dense, warm-up, sparse, and the model in the engine.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "formats/temporary_folder.h"
#include "train/run/checkpoint_store.h"
#include "train/run/run_folder.h"
#include "train/run/train_process.h"

namespace levin::train::run {
namespace {

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

/// Rounding differs from machine to machine and grows with the steps.
constexpr double kLossTolerance = 2e-3;

/// recipes/tiny/tiny.losses.jsonl: what a change that should not alter numbers must not alter.
void expect_first_losses(const std::vector<StepMetrics>& steps) {
  std::ifstream file(std::string(LEVIN_SOURCE_DIR) + "/recipes/tiny/tiny.losses.jsonl");
  size_t step_idx = 0;
  for (std::string line; std::getline(file, line); ++step_idx) {
    const auto expected = nlohmann::json::parse(line);
    const StepMetrics& step = steps.at(step_idx);
    EXPECT_EQ(step.step, expected.at("step"));
    EXPECT_NEAR(step.text_loss.value(), expected.at("text_loss").get<double>(), kLossTolerance);
    EXPECT_NEAR(step.answer_loss.value(), expected.at("answer_loss").get<double>(), kLossTolerance);
  }
  EXPECT_EQ(step_idx, 10U);
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
  expect_first_losses(steps);
  EXPECT_LT(mean_text_loss(steps, 110, 10), 0.75 * mean_text_loss(steps, 0, 10)) << "stage D1";

  std::ifstream file(selection_path(run));
  std::string line;
  int lines = 0;
  while (std::getline(file, line)) {
    ++lines;
    const auto selection = nlohmann::json::parse(line);
    const auto indexer = selection.at("indexer").get<std::vector<double>>();
    const auto recency = selection.at("recency").get<std::vector<double>>();
    for (size_t layer_idx = 0; layer_idx < indexer.size(); ++layer_idx) {
      EXPECT_GT(indexer[layer_idx], recency[layer_idx] + 0.05) << line;
    }
  }
  EXPECT_EQ(lines, 2) << "one after the warm-up, one after sparse training";

  const std::string model = list_checkpoints(checkpoints_path(run)).back().path;
  const TrainResult answer =
      run_program(LEVIN_BINARY,
                  {"generate", model, "--prompt", "What is the code of Zoe?", "--max-tokens", "4"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
}

}  // namespace
}  // namespace levin::train::run
