// What inspect says of checkpoints that the machine could not load.
#include "eval/inspect_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/memory_info.h"
#include "formats/temporary_folder.h"
#include "model/hollow_checkpoint.h"

namespace levin::eval {
namespace {

using levin::testing::wide_config;
using levin::testing::write_hollow_checkpoint;

constexpr int64_t kMostLayers = 1024;

TEST(InspectReport, CopiesThatDoNotFitAreAVerdictAndNoError) {
  const int64_t available_bytes = base::available_memory_bytes();
  const int64_t layers = 2 + 2 * available_bytes / levin::testing::kHollowLayerBytes;
  const levin::testing::TemporaryFolder folder;
  if (layers > kMostLayers ||
      !write_hollow_checkpoint(
          wide_config(std::string(LEVIN_TEST_DATA) + "/configs/tiny.json", layers), folder)) {
    GTEST_SKIP() << "too much memory for this test, or too little disk";
  }
  const model::Config config = model::load_config(folder.path());
  runtime::EngineOptions options;
  options.threads = 1;
  options.load.encoding = model::WeightEncoding::kInt8;
  const InspectReport int8 = inspect_checkpoint(folder.path(), config, options, {64});
  EXPECT_GT(int8.copied_bytes, available_bytes);
  EXPECT_EQ(int8.fits[0].verdict, MemoryFit::Verdict::kTooLarge);
  options.load.encoding = model::WeightEncoding::kAsIs;
  const InspectReport as_is = inspect_checkpoint(folder.path(), config, options, {64});
  EXPECT_LT(as_is.copied_bytes, int8.copied_bytes / 100);
  EXPECT_EQ(as_is.fits[0].verdict, MemoryFit::Verdict::kFitsPaging);
  EXPECT_EQ(as_is.parameters, int8.parameters);
  EXPECT_TRUE(std::ranges::none_of(as_is.components, [](const ComponentSize& component) {
    return component.name == "routed experts";
  }));
}

}  // namespace
}  // namespace levin::eval
