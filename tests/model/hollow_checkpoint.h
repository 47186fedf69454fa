// Checkpoints of any size that take no room on the disk: all weights are a hole in the file.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include "formats/temporary_folder.h"
#include "model/config.h"
#include "model/weights.h"

namespace levin::testing {

inline constexpr int64_t kHollowWidth = 16384;
/// Of one layer's MLP in int8.
inline constexpr int64_t kHollowLayerBytes = 3 * kHollowWidth * kHollowWidth;

/// Dense layers of kHollowWidth, in the rest like the config at `config_path`.
inline nlohmann::json wide_config(const std::string& config_path, int64_t layers) {
  std::ifstream file(config_path);
  nlohmann::json config = nlohmann::json::parse(file);
  config.erase("quantization_config");
  config.update({{"hidden_size", kHollowWidth},
                 {"intermediate_size", kHollowWidth},
                 {"num_hidden_layers", layers},
                 {"n_routed_experts", 0}});
  return config;
}

/// Writes config.json and every tensor of it in BF16, all zero. False if the disk refuses.
inline bool write_hollow_checkpoint(const nlohmann::json& config, const TemporaryFolder& folder) {
  std::ofstream(folder.file("config.json")) << config;
  nlohmann::json header;
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

}  // namespace levin::testing
