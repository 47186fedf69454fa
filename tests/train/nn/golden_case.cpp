#include "golden_case.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "formats/tensor_values.h"

namespace levin::train::nn::testing {

std::string golden_folder(const std::string& case_name) {
  return std::string(LEVIN_TEST_DATA) + "/golden/" + case_name;
}

at::Tensor to_tensor(const formats::SafetensorsTensor& stored) {
  const bool is_float = stored.dtype == tensor::DType::kF32 || stored.dtype == tensor::DType::kBf16;
  const at::Tensor flat =
      is_float ? at::tensor(formats::to_f32_values(stored, "test data")).to(at::kDouble)
               : at::tensor(formats::to_i64_values(stored, "test data"));
  return flat.view(stored.shape);
}

GoldenCase::GoldenCase(const std::string& name)
    : folder_(golden_folder(name)), file_(folder_ + "/golden.safetensors") {
  std::string text = base::read_file(folder_ + "/case.json", 1 << 20);
  for (size_t at = 0; (at = text.find("Infinity", at)) != std::string::npos;) {
    text.replace(at, 8, "null");  // Python's json module writes what JSON lacks
  }
  const nlohmann::json description = nlohmann::json::parse(text);
  prefill_tokens_ = description["prefill_length"];
  logits_max_abs_ = description["recommended_tolerance"]["logits_max_abs"];
  logits_typical_abs_ = description["recommended_tolerance"]["logits_typical_abs"];
}

at::Tensor GoldenCase::tensor(const std::string& name) const { return to_tensor(file_.at(name)); }

at::Tensor GoldenCase::rows(const std::string& prefill_name, const std::string& decode_name) const {
  const at::Tensor prefill = tensor(prefill_name);
  const at::Tensor decode = tensor(decode_name);
  return at::cat({at::constant_pad_nd(prefill, {0, decode.size(1) - prefill.size(1)}), decode});
}

}  // namespace levin::train::nn::testing
