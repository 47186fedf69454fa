#include "train/run/training_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "formats/temporary_folder.h"

namespace levin::train::run {
namespace {

using levin::testing::TemporaryFolder;
using ::testing::HasSubstr;

class TrainingStateFile : public ::testing::Test {
 protected:
  TrainingStateFile() {
    save_training_state({.step = 7, .stage_idx = 1, .stage_step = 3}, folder_.path());
  }

  void set(const char* key, const nlohmann::json& value) {
    nlohmann::json json = nlohmann::json::parse(base::read_file(path_, 1 << 20));
    json[key] = value;
    base::write_file_atomically(path_, json.dump());
  }

  /// What is wrong with the file; empty if nothing is.
  std::string complaint() {
    try {
      require_stage(load_training_state(folder_.path()), folder_.path(), 2);
      return "";
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ErrorCode::kInvalidFile);
      EXPECT_EQ(error.where(), path_);
      return error.what();
    }
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_.file("training_state.json");
};

TEST_F(TrainingStateFile, IsReadAsItWasWritten) {
  const TrainingState state = load_training_state(folder_.path());
  EXPECT_EQ(state.step, 7);
  EXPECT_EQ(state.stage_idx, 1);
  EXPECT_EQ(state.stage_step, 3);
  EXPECT_EQ(complaint(), "");
}

TEST_F(TrainingStateFile, CountsAreWholeNumbersFromZero) {
  for (const char* key : {"step", "stage_idx", "stage_step", "tokens", "interval_steps"}) {
    for (const char* bad : {"-1", "1.5", "1e300", "9007199254740993", "\"1\"", "null"}) {
      set(key, nlohmann::json::parse(bad));
      EXPECT_THAT(complaint(), HasSubstr(std::string(key) + " is no whole number from 0")) << bad;
      set(key, 0);
      EXPECT_EQ(complaint(), "") << key;
    }
  }
}

TEST_F(TrainingStateFile, AStageThatTheRecipeDoesNotHaveIsRefused) {
  set("stage_idx", 2);
  EXPECT_THAT(complaint(), HasSubstr("stage_idx is 2, but the recipe of the run has 2 stages"));
}

}  // namespace
}  // namespace levin::train::run
