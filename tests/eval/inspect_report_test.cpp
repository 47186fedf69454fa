// What inspect says of checkpoints that the machine could not load.
#include "eval/inspect_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include "base/memory_info.h"
#include "formats/temporary_folder.h"
#include "model/weights.h"

namespace levin::eval {
namespace {

using nlohmann::json;

constexpr int64_t kWidth = 16384;
constexpr int64_t kMostLayers = 1024;

/// A model of dense layers, each of about 0.8 GB in int8.
json wide_config(int64_t layers) {
  std::ifstream file(std::string(LEVIN_TEST_DATA) + "/configs/tiny.json");
  json config = json::parse(file);
  config.erase("quantization_config");
  config.update({{"hidden_size", kWidth},
                 {"intermediate_size", kWidth},
                 {"num_hidden_layers", layers},
                 {"n_routed_experts", 0}});
  return config;
}

/// Every tensor of the config in BF16, all of them a hole in the file. False if the disk refuses.
bool write_hollow_checkpoint(const json& config, const levin::testing::TemporaryFolder& folder) {
  std::ofstream(folder.file("config.json")) << config;
  json header;
  int64_t end = 0;
  for (const model::ExpectedTensor& tensor :
       model::expected_tensors(model::parse_config(config.dump(), "config.json"))) {
    int64_t bytes = 2;
    for (const int64_t extent : tensor.shape) {
      bytes *= extent;
    }
    header[tensor.name] = {
        {"dtype", "BF16"}, {"shape", tensor.shape}, {"data_offsets", {end, end + bytes}}};
    end += bytes;
  }
  const std::string text = header.dump();
  const uint64_t length = text.size();
  const std::string path = folder.file("model.safetensors");
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << text;
  file.close();
  std::error_code error;
  std::filesystem::resize_file(path, sizeof length + length + static_cast<uint64_t>(end), error);
  return !error;
}

TEST(InspectReport, CopiesThatDoNotFitAreAVerdictAndNoError) {
  const int64_t available_bytes = base::available_memory_bytes();
  const int64_t layers = 2 + 2 * available_bytes / (3 * kWidth * kWidth);
  const levin::testing::TemporaryFolder folder;
  if (layers > kMostLayers || !write_hollow_checkpoint(wide_config(layers), folder)) {
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
