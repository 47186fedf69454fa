#include "train/run/checkpoint_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file_size_limit.h"
#include "base/files.h"
#include "formats/temporary_folder.h"

namespace levin::train::run {
namespace {

namespace fs = std::filesystem;

using levin::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

void save(CheckpointStore& store, int64_t step, double loss, KeepRule keep,
          bool is_stage_end = false, int64_t interval_steps = 0) {
  TrainingState state;
  state.interval_steps = interval_steps;
  state.step = step;
  state.interval_loss = loss;
  state.is_stage_end = is_stage_end;
  store.save(state, keep, [](const std::string& folder) {
    std::ofstream(folder + "/model.safetensors") << "weights";
  });
}

std::vector<int64_t> steps(const std::string& folder) {
  std::vector<int64_t> all;
  for (const StoredCheckpoint& checkpoint : list_checkpoints(folder)) {
    all.push_back(checkpoint.state.step);
  }
  return all;
}

TEST(CheckpointStore, KeepsTheLastTheBestAndTheEndsOfStages) {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path());
  const KeepRule keep{.last = 2, .keeps_best = true};
  save(store, 1, 5.0, keep, true);
  save(store, 2, 1.0, keep);
  save(store, 3, 3.0, keep);
  save(store, 4, 2.0, keep);
  save(store, 5, 2.5, keep);
  EXPECT_THAT(steps(folder.path()), ElementsAre(1, 2, 4, 5));
  save(store, 6, 2.0, {.last = 1, .keeps_best = false});
  EXPECT_THAT(steps(folder.path()), ElementsAre(1, 6));
}

TEST(CheckpointStore, AMeanOverFewStepsIsNotTheBest) {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path());
  const KeepRule keep{.last = 1, .keeps_best = true};
  save(store, 50, 2.0, keep, false, 50);
  save(store, 51, 1.0, keep, false, 1);  // stopped
  EXPECT_THAT(steps(folder.path()), ElementsAre(50, 51));
  EXPECT_EQ(best_of_newest_stage(list_checkpoints(folder.path())).state.step, 50);
  save(store, 100, 1.5, keep, false, 49);
  EXPECT_THAT(steps(folder.path()), ElementsAre(100));
}

TEST(CheckpointStore, AFailedWriteLeavesNothingAndHarmsNothing) {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path());
  save(store, 1, 1.0, {});
  TrainingState state;
  state.step = 2;
  EXPECT_THROW(store.save(state, {},
                          [](const std::string& part) {
                            std::ofstream(part + "/model.safetensors") << "half";
                            throw base::Error(base::ErrorCode::kIo, "no space left on device");
                          }),
               base::Error);
  EXPECT_THAT(steps(folder.path()), ElementsAre(1));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(CheckpointStore, AFullDiskLeavesTheCheckpointBefore) {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path());
  save(store, 1, 1.0, {});
  TrainingState state;
  state.step = 2;
  {
    const levin::testing::FileSizeLimit full(100);
    EXPECT_THROW(store.save(state, {},
                            [](const std::string& part) {
                              base::write_file_atomically(part + "/model.safetensors",
                                                          std::string(200, 'x'));
                            }),
                 base::Error);
  }
  EXPECT_THAT(steps(folder.path()), ElementsAre(1));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(CheckpointStore, RemovesWhatAKilledWriteLeft) {
  const TemporaryFolder folder;
  fs::create_directories(folder.file("unfinished-step-00000007"));
  const CheckpointStore store(folder.path());
  EXPECT_FALSE(fs::exists(folder.file("unfinished-step-00000007")));
  EXPECT_THAT(steps(folder.path()), IsEmpty());
}

TEST(CheckpointStore, ReplacesACheckpointOfTheSameStep) {
  const TemporaryFolder folder;
  CheckpointStore store(folder.path());
  save(store, 1, 1.0, {});
  save(store, 1, 1.0, {}, true);
  ASSERT_THAT(steps(folder.path()), ElementsAre(1));
  EXPECT_TRUE(list_checkpoints(folder.path()).back().state.is_stage_end);
}

}  // namespace
}  // namespace levin::train::run
