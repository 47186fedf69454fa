// Reference outputs of DeepSeek's official PyTorch code (tests/data/golden/README.md) as LibTorch
// tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "model/golden_names.h"

namespace levin::train::nn::testing {

using levin::testing::all_case_names;

std::string golden_folder(const std::string& case_name);

/// A tensor of a test data file: integers as i64, everything else as f64.
at::Tensor to_tensor(const formats::SafetensorsTensor& stored);

/// One folder of tests/data/golden, without its weights.
class GoldenCase {
 public:
  explicit GoldenCase(const std::string& name);

  [[nodiscard]] const std::string& folder() const { return folder_; }
  /// [prefill_tokens + decode steps] i64
  [[nodiscard]] at::Tensor tokens() const { return tensor("tokens"); }
  [[nodiscard]] int64_t prefill_tokens() const { return prefill_tokens_; }
  /// Recommended tolerance for every row, and for most of them.
  [[nodiscard]] double logits_max_abs() const { return logits_max_abs_; }
  [[nodiscard]] double logits_typical_abs() const { return logits_typical_abs_; }

  [[nodiscard]] bool has(const std::string& name) const { return file_.find(name) != nullptr; }
  [[nodiscard]] at::Tensor tensor(const std::string& name) const;
  /// Rows of a prefill tensor [T, a] followed by its decode twin [D, b], zeros up to b.
  [[nodiscard]] at::Tensor rows(const std::string& prefill_name,
                                const std::string& decode_name) const;

 private:
  std::string folder_;
  formats::SafetensorsFile file_;
  int64_t prefill_tokens_ = 0;
  double logits_max_abs_ = 0.0;
  double logits_typical_abs_ = 0.0;
};

}  // namespace levin::train::nn::testing
