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

/// The folder that the recipe's data was built in; empty if it was not.
std::string built_data() {
  std::string folder = std::string(LEVIN_SOURCE_DIR) + "/build/data/mini";
  return std::filesystem::exists(folder + "/data.json") ? folder : "";
}

/// CI builds the data: there these tests may not be skipped.
bool may_skip() {
  const char* value = std::getenv("LEVIN_NO_SKIPS");
  return value == nullptr || std::string(value) != "1";
}

constexpr const char* kNoData =
    "there is no build/data/mini (make -f recipes/mini/Makefile build/data/mini/data.json)";

TEST(MiniRecipe, MakesTheDemoThatShipsByteForByte) {
  const std::string data = built_data();
  if (data.empty()) {
    ASSERT_TRUE(may_skip()) << kNoData;
    GTEST_SKIP() << kNoData;
  }
  const std::string root = LEVIN_SOURCE_DIR;
  const TemporaryFolder folder;
  const auto result = run_program(  // the options are DEMO of recipes/mini/Makefile
      LEVIN_TRAIN_BINARY,
      {"data", "demo", root + "/recipes/mini/dense.toml", "--set", "data.folder=" + data, "--out",
       folder.file("demo"), "--length", "4096", "--count", "20"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* file : {"document.txt", "questions.json"}) {
    const std::string shipped = file_bytes(root + "/models/mini/demo/" + file);
    ASSERT_FALSE(shipped.empty()) << file;
    EXPECT_TRUE(file_bytes(folder.file("demo/") + file) == shipped) << file;
  }
}

TEST(MiniRecipeSlow, BeginsWithTheLossesThatLieBesideIt) {
  const std::string data = built_data();
  if (data.empty()) {
    ASSERT_TRUE(may_skip()) << kNoData;
    GTEST_SKIP() << kNoData;
  }
  const std::string root = LEVIN_SOURCE_DIR;
  const TemporaryFolder folder;
  const std::string run = folder.file("run");
  const auto has_ten_steps = [&] {
    return std::ranges::count(file_bytes(metrics_path(run)), '\n') >= 10;
  };
  const auto result = train(
      {"run", root + "/recipes/mini/dense.toml", "--out", run, "--set", "data.folder=" + data},
      {.kill_signal = SIGKILL, .kill_when = has_ten_steps});
  ASSERT_EQ(result.exit_code, 128 + SIGKILL) << result.err;
  expect_first_losses(read_metrics(metrics_path(run)), "mini/dense.losses.jsonl");
}

}  // namespace
}  // namespace levin::train::run
