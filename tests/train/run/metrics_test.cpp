#include "train/run/metrics.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "base/error.h"
#include "formats/temporary_folder.h"

namespace levin::train::run {
namespace {

using levin::testing::TemporaryFolder;

StepMetrics step(int64_t number) {
  StepMetrics metrics;
  metrics.step = number;
  metrics.stage = "D1";
  metrics.kind = "dense";
  metrics.tokens = 100 * number;
  metrics.tokens_per_s = 10.0;
  metrics.loss = 1.0 / 3.0;
  metrics.layer_kl = {0.5, 0.25};
  return metrics;
}

TEST(Metrics, ComeBackAsTheyWereWritten) {
  const TemporaryFolder folder;
  const std::string path = folder.file("metrics.jsonl");
  append_metrics(path, step(1));
  append_metrics(path, step(2));
  const auto all = read_metrics(path);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].step, 2);
  EXPECT_EQ(all[1].loss, 1.0 / 3.0);
  EXPECT_EQ(all[1].layer_kl, (std::vector<double>{0.5, 0.25}));
  EXPECT_FALSE(all[1].text_loss.has_value());
}

TEST(Metrics, ATornLastLineIsLeftOutAndCutAway) {
  const TemporaryFolder folder;
  const std::string path = folder.file("metrics.jsonl");
  for (int64_t number = 1; number <= 3; ++number) {
    append_metrics(path, step(number));
  }
  std::ofstream(path, std::ios::app) << "{\"step\": 4, \"sta";
  EXPECT_EQ(read_metrics(path).size(), 3U);
  cut_after_step(path, 2);
  append_metrics(path, step(3));
  EXPECT_EQ(read_metrics(path).size(), 3U);
}

TEST(Metrics, OtherLinesWithAStepAreCutLikewise) {
  const TemporaryFolder folder;
  const std::string path = folder.file("selection.jsonl");
  cut_after_step(path, 13);
  EXPECT_FALSE(std::filesystem::exists(path));
  const std::string first = "{\"step\":13,\"stage\":\"W\",\"indexer\":[0.75]}\n";
  std::ofstream(path) << first << "{\"step\":20,\"stage\":\"S\"}\n{\"step\":2";
  cut_after_step(path, 13);
  std::ifstream file(path);
  const std::string kept{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(kept, first);
}

TEST(Metrics, AreFreeOfNumbersThatAreNone) {
  const TemporaryFolder folder;
  const std::string path = folder.file("metrics.jsonl");
  StepMetrics metrics = step(1);
  metrics.gradient_norm = std::numeric_limits<double>::infinity();
  append_metrics(path, metrics);
  EXPECT_FALSE(read_metrics(path).at(0).gradient_norm.has_value());
}

TEST(Metrics, NameTheLineThatIsNone) {
  const TemporaryFolder folder;
  const std::string path = folder.file("metrics.jsonl");
  append_metrics(path, step(1));
  std::ofstream(path, std::ios::app) << "{\"step\": 2}\n";
  try {
    (void)read_metrics(path);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.where(), path + ":2");
  }
}

}  // namespace
}  // namespace levin::train::run
