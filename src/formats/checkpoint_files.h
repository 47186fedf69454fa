// The weight files of a checkpoint folder as one set of named tensors.
// Rules: checkpoint.md 2.1 and 2.6.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/safetensors.h"

namespace levin::formats {

inline constexpr std::string_view kSingleFileName = "model.safetensors";
inline constexpr std::string_view kIndexFileName = "model.safetensors.index.json";

/// A tensor and the file that holds it.
struct CheckpointTensor {
  const SafetensorsTensor* tensor = nullptr;
  const SafetensorsFile* file = nullptr;
};

using CheckpointMap = std::map<std::string, CheckpointTensor, std::less<>>;

/// Owns the maps of all weight files of a folder.
class CheckpointFiles {
 public:
  /// Opens the shards of the index, or else model.safetensors, and checks all their headers before
  /// any tensor is used. Warns once about tensors that the index leaves out and about a stale
  /// total_size.
  /// Throws Error(kNotFound | kIo | kInvalidFile) with the file.
  explicit CheckpointFiles(const std::string& model_dir);

  [[nodiscard]] const CheckpointMap& tensors() const noexcept { return tensors_; }
  /// The tensor of that name, or null.
  [[nodiscard]] const CheckpointTensor* find(std::string_view name) const;
  [[nodiscard]] const std::string& model_dir() const noexcept { return model_dir_; }
  /// What to name in a message about a tensor that is nowhere: the index or the single file.
  [[nodiscard]] std::string list_path() const;

 private:
  void open_indexed(const std::string& index_path);
  void open_single();
  void warn_about_unmapped(const std::string& index_path) const;

  std::string model_dir_;
  bool has_index_ = false;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  CheckpointMap tensors_;
};

}  // namespace levin::formats
