// Small checkpoints for tests of loading: whole at first, then damaged on purpose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/temporary_folder.h"
#include "tensor/dtype.h"

namespace levin::model::testing {

struct BuiltTensor {
  tensor::DType dtype = tensor::DType::kBf16;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;
};

/// A two-layer deepseek_v32 whose weights are multiples of 1/8, exact in every format. Matrices
/// are BF16 at first, norms F32.
class CheckpointBuilder {
 public:
  CheckpointBuilder();

  /// The config as JSON; call rebuild() after changing what tensors exist.
  nlohmann::json& config() { return config_; }
  std::map<std::string, BuiltTensor>& tensors() { return tensors_; }

  /// Makes the tensors of the current config anew.
  void rebuild();
  /// Stores the matrices in another format; FP8 gets block scales, other than 1 and powers of two.
  void fill(tensor::DType dtype);
  void remove(const std::string& name) { tensors_.erase(name); }
  void copy(const std::string& from, const std::string& to) { tensors_[to] = tensors_.at(from); }
  /// Lets every tensor begin at an odd address.
  void shift_data_by_one_byte();
  /// Overwrites element `idx` of an F32 tensor.
  void set_f32(const std::string& name, size_t idx, float value);

  /// Row of a stored tensor as float32, computed apart from the loader.
  [[nodiscard]] std::vector<float> values(const std::string& name, int64_t row) const;

  /// Writes config.json and model.safetensors; returns the folder.
  std::string write();

 private:
  levin::testing::TemporaryFolder folder_;
  nlohmann::json config_;
  std::map<std::string, BuiltTensor> tensors_;
};

}  // namespace levin::model::testing
