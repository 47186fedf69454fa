#include "base/log.h"
#include "model/config_sections.h"
#include "tensor/weight_matrix.h"

namespace levin::model {

void read_quantization(ConfigFields& fields, Config& config) {
  auto quantization = fields.object("quantization_config");
  if (!quantization) {
    return;
  }
  const auto unsupported = [&](const char* key, const char* wanted) {
    quantization->fail(base::ErrorCode::kUnsupported, key, wanted);
  };
  if (quantization->string_or("quant_method", "") != "fp8") {
    unsupported("quant_method", "\"fp8\", the only method supported");
  }
  if (!quantization->has("weight_block_size")) {
    unsupported("weight_block_size", "[128, 128]");
  }
  quantization->require("weight_block_size",
                        nlohmann::json::array({tensor::kFp8BlockSize, tensor::kFp8BlockSize}));
  quantization->require("fmt", "e4m3");
  quantization->require("activation_scheme", "dynamic");
  config.has_fp8_weights = true;
  // The official code rounds activation scales to powers of two for any value that is set.
  const std::string scale_fmt = quantization->string_or("scale_fmt", "");
  config.has_ue8m0_scales = quantization->has("scale_fmt");
  if (config.has_ue8m0_scales && scale_fmt != "ue8m0") {
    base::log_warning("{}: quantization_config.scale_fmt is {}, treated as \"ue8m0\"",
                      fields.where(), base::quote(scale_fmt));
  }
}

}  // namespace levin::model
