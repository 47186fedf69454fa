// recipes/mini: its first losses, where its data was built.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>

#include "formats/temporary_folder.h"
#include "train/run/first_losses.h"
#include "train/run/run_folder.h"
#include "train/run/train_process.h"

namespace levin::train::run {
namespace {

using levin::testing::file_bytes;
using levin::testing::TemporaryFolder;
using levin::testing::train;

TEST(MiniRecipeSlow, BeginsWithTheLossesThatLieBesideIt) {
  const std::string root = LEVIN_SOURCE_DIR;
  const std::string data = root + "/build/data/mini";
  if (!std::filesystem::exists(data + "/data.json")) {
    GTEST_SKIP() << "there is no " << data
                 << " (make -f recipes/mini/Makefile build/data/mini/data.json)";
  }
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
