// recipes/mini where its data was built: its first losses, the demo.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "formats/temporary_folder.h"
#include "train/run/first_losses.h"
#include "train/run/run_folder.h"
#include "train/run/train_process.h"

namespace levin::train::run {
namespace {

using levin::testing::file_bytes;
using levin::testing::run_program;
using levin::testing::TemporaryFolder;
using levin::testing::train;

/// Has the folder that the recipe's data was built in. Where it was not, the tests are skipped, but
/// not in CI, which builds the data.
class MiniRecipe : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(data_ + "/data.json")) {
      const char* no_skips = std::getenv("LEVIN_NO_SKIPS");
      ASSERT_FALSE(no_skips != nullptr && std::string(no_skips) == "1") << kNoData;
      GTEST_SKIP() << kNoData;
    }
  }

  static constexpr const char* kNoData =
      "there is no build/data/mini (make -f recipes/mini/Makefile build/data/mini/data.json)";
  const std::string root_ = LEVIN_SOURCE_DIR;
  const std::string data_ = root_ + "/build/data/mini";
};
class MiniRecipeSlow : public MiniRecipe {};

TEST_F(MiniRecipe, MakesTheDemoThatShipsByteForByte) {
  const TemporaryFolder folder;
  const auto result = run_program(  // the options are DEMO of recipes/mini/Makefile
      LEVIN_TRAIN_BINARY,
      {"data", "demo", root_ + "/recipes/mini/dense.toml", "--set", "data.folder=" + data_, "--out",
       folder.file("demo"), "--length", "4096", "--count", "20"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* file : {"document.txt", "questions.json"}) {
    const std::string shipped = file_bytes(root_ + "/models/mini/demo/" + file);
    ASSERT_FALSE(shipped.empty()) << file;
    EXPECT_TRUE(file_bytes(folder.file("demo/") + file) == shipped) << file;
  }
}

TEST_F(MiniRecipeSlow, BeginsWithTheLossesThatLieBesideIt) {
  const TemporaryFolder folder;
  const std::string run = folder.file("run");
  const auto has_ten_steps = [&] {
    return std::ranges::count(file_bytes(metrics_path(run)), '\n') >= 10;
  };
  const auto result = train(
      {"run", root_ + "/recipes/mini/dense.toml", "--out", run, "--set", "data.folder=" + data_},
      {.kill_signal = SIGKILL, .kill_when = has_ten_steps});
  ASSERT_EQ(result.exit_code, 128 + SIGKILL) << result.err;
  expect_first_losses(read_metrics(metrics_path(run)), "mini/dense.losses.jsonl");
}

}  // namespace
}  // namespace levin::train::run
