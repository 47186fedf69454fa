// What a run survives: kill -9, Ctrl-C, a full disk, a loss that is no number.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "base/random.h"
#include "formats/temporary_folder.h"
#include "train/run/checkpoint_store.h"
#include "train/run/run_folder.h"
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

constexpr int64_t kLastStep = 20;

void expect_same_end(const std::string& run, const std::string& other) {
  const std::string end = last_checkpoint(run);
  const std::string other_end = last_checkpoint(other);
  EXPECT_EQ(load_training_state(end).step, kLastStep);
  EXPECT_EQ(load_training_state(other_end).step, kLastStep);
  for (const char* file : {"/model.safetensors", "/optimizer.safetensors", "/config.json"}) {
    EXPECT_EQ(file_bytes(end + file), file_bytes(other_end + file)) << file;
  }
  const auto steps = read_metrics(metrics_path(run));
  const auto other_steps = read_metrics(metrics_path(other));
  ASSERT_EQ(steps.size(), other_steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].step, other_steps[i].step);
    EXPECT_EQ(steps[i].loss, other_steps[i].loss) << steps[i].step;
    EXPECT_EQ(steps[i].layer_kl, other_steps[i].layer_kl) << steps[i].step;
  }
}

TEST(ResumeSlow, RunsKilledAtRandomPointsEndWithTheBitsOfAnUninterruptedOne) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  ASSERT_EQ(train({"run", recipe, "--out", folder.file("whole")}).exit_code, 0);
  int killed = 0;
  for (int kill_idx = 0; kill_idx < 10; ++kill_idx) {
    const int after_ms = 150 + static_cast<int>(base::random_bits(3, kill_idx) % 400);
    const TrainResult result = train({"run", recipe, "--out", folder.file("killed"), "--resume"},
                                     {.kill_signal = SIGKILL, .kill_after_ms = after_ms});
    killed += result.exit_code == 128 + SIGKILL ? 1 : 0;
  }
  EXPECT_GT(killed, 0);
  const TrainResult end = train({"run", recipe, "--out", folder.file("killed"), "--resume"});
  ASSERT_EQ(end.exit_code, 0) << end.err;
  expect_same_end(folder.file("whole"), folder.file("killed"));
}

TEST(Resume, AStoppedRunWritesACheckpointAndGoesOn) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const std::string run = folder.file("run");
  // Signals come at every moment; before the handlers are there SIGINT ends the program.
  TrainResult stopped;
  for (int after_ms = 200; after_ms < 20'000; after_ms += 100) {
    stopped = train({"run", recipe, "--out", run, "--resume", "--set", "stage.D.max_steps=2000"},
                    {.kill_signal = SIGINT, .kill_after_ms = after_ms});
    if (stopped.exit_code == 130 && !last_checkpoint(run).empty()) {
      break;
    }
  }
  EXPECT_EQ(stopped.exit_code, 130);
  EXPECT_THAT(stopped.err, HasSubstr("go on with --resume"));
  const int64_t step = load_training_state(last_checkpoint(run)).step;
  EXPECT_EQ(read_metrics(metrics_path(run)).size(), static_cast<size_t>(step));
}

TEST(Resume, AFullDiskStopsTheRunAndLeavesNoHalfCheckpoint) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const std::string run = folder.file("run");
  ASSERT_EQ(train({"run", recipe, "--out", folder.file("whole")}).exit_code, 0);
  const TrainResult full = train({"run", recipe, "--out", run}, {.file_size_bytes = 50'000});
  EXPECT_EQ(full.exit_code, 6) << full.err;
  EXPECT_THAT(full.err, HasSubstr("File too large"));
  EXPECT_TRUE(std::filesystem::is_empty(checkpoints_path(run)));
  ASSERT_EQ(train({"run", recipe, "--out", run, "--resume"}).exit_code, 0);
  expect_same_end(folder.file("whole"), run);
}

TEST(Resume, ALossThatIsNoNumberEndsTheRunBeforeItReachesTheWeights) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const TrainResult diverged =
      train({"run", recipe, "--out", folder.file("run"), "--set", "defaults.lr=10", "--set",
             "defaults.adamw_lr=10", "--set", "stage.D.max_steps=400", "--set",
             "defaults.optimizer=adamw", "--set", "defaults.clip_norm=0", "--set",
             "defaults.weight_decay=9", "--set", "defaults.lr_warmup_steps=0"});
  EXPECT_EQ(diverged.exit_code, 2) << diverged.err;
  EXPECT_THAT(diverged.err, HasSubstr("became NaN or infinite at step"));
  EXPECT_THAT(diverged.err, HasSubstr("smaller lr"));
}

TEST(Resume, AFolderBelongsToOneRecipe) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const std::string run = folder.file("run");
  ASSERT_EQ(train({"run", recipe, "--out", run}).exit_code, 0);
  const TrainResult again = train({"run", recipe, "--out", run});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("add --resume"));
  const TrainResult other = train({"run", recipe, "--out", run, "--resume", "--set", "run.seed=2"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("another recipe (run.seed: 1 != 2)"));
}

}  // namespace
}  // namespace levin::train::run
