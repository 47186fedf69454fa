#include "model/weights_check.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/float_formats.h"
#include "base/integers.h"
#include "base/log.h"
#include "formats/mtp_layers.h"
#include "kernels/linear.h"
#include "model/weights_expected.h"

namespace levin::model {
namespace {

using base::ErrorCode;
using base::throw_error;
using formats::CheckpointTensor;
using formats::layer_of;
using formats::shape_text;
using tensor::DType;

constexpr size_t kMaxListed = 5;
/// Beyond it a product of code and scale could overflow float32.
constexpr float kMaxScale = 1e30F;
constexpr std::string_view kScaleSuffix = "_scale_inv";

bool is_fp8(const CheckpointTensor& tensor) { return tensor.tensor->dtype == DType::kF8E4m3; }

/// What is wrong with a tensor, as part of a sentence; empty if nothing is.
std::string tensor_problem(const ExpectedTensor& expected, const CheckpointTensor* found) {
  if (found == nullptr) {
    return expected.name + " is missing";
  }
  const std::string file = found->file->file_name();
  if (found->tensor->shape != expected.shape) {
    return fmt::format("{}: shape {} expected, {} has {}", expected.name,
                       shape_text(expected.shape), file, shape_text(found->tensor->shape));
  }
  if (expected.shape.size() == 2 && expected.shape[1] > kernels::kMaxLinearInputs) {
    return fmt::format("{}: has {} inputs, at most {} are supported", expected.name,
                       expected.shape[1], kernels::kMaxLinearInputs);
  }
  const auto dtype = found->tensor->dtype;
  const bool is_plain = dtype == DType::kF32 || dtype == DType::kBf16 || dtype == DType::kF16;
  if (!is_plain && (expected.is_norm_or_bias || dtype != DType::kF8E4m3)) {
    return fmt::format("{}: dtype F32, BF16{} expected, {} has {}", expected.name,
                       expected.is_norm_or_bias ? " or F16" : ", F16 or F8_E4M3", file,
                       found->tensor->dtype_name);
  }
  return {};
}

/// What is wrong with the scales of an FP8 tensor; empty if nothing is.
std::string scale_problem(const ExpectedTensor& expected, const CheckpointTensor* scale) {
  const std::string name = scale_name(expected.name);
  if (scale == nullptr) {
    return fmt::format("{} is missing, {} is F8_E4M3", name, expected.name);
  }
  const auto blocks = [](int64_t extent) { return base::ceil_div(extent, tensor::kFp8BlockSize); };
  const std::vector<int64_t> shape = {blocks(expected.shape[0]), blocks(expected.shape[1])};
  if (scale->tensor->shape != shape || scale->tensor->dtype != DType::kF32) {
    return fmt::format("{}: F32 {} expected, {} has {} {}", name, shape_text(shape),
                       scale->file->file_name(), scale->tensor->dtype_name,
                       shape_text(scale->tensor->shape));
  }
  return {};
}

class CheckpointCheck {
 public:
  CheckpointCheck(const formats::CheckpointFiles& files, const Config& config,
                  const LoadOptions& options)
      : files_(files), config_(config), options_(options) {}

  void run() {
    check_indexer_presence();
    visit_expected_tensors(config_, [&](const ExpectedTensor& expected) {
      check_tensor(expected);
      return problems_.size() <= kMaxListed;
    });
    throw_problems();
    check_unannounced_biases();
    check_orphan_scales();
    throw_problems();
    if (uneven_scales_ > 0) {
      base::log_warning(
          "{}: {} block scales are not powers of two, although scale_fmt is ue8m0 "
          "(first in {})",
          files_.list_path(), uneven_scales_, first_uneven_scale_);
    }
    report_others();
  }

 private:
  /// checkpoint.md 2.8, step 6: tells a wrong config from incomplete files.
  void check_indexer_presence() const {
    const bool has_indexer = std::ranges::any_of(files_.tensors(), [&](const auto& entry) {
      const int64_t layer_idx = layer_of(entry.first);
      return layer_idx >= 0 && layer_idx < config_.num_hidden_layers &&
             entry.first.find(".self_attn.indexer.") != std::string::npos;
    });
    if (config_.is_sparse() && !has_indexer) {
      throw_error(ErrorCode::kInvalidFile, files_.list_path(),
                  "holds no indexer tensors, but config.json says {}: these are weights of a dense "
                  "model and config.json is wrong (deepseek_v3 is the dense type)",
                  config_.model_type);
    }
    if (!config_.is_sparse() && has_indexer) {
      throw_error(ErrorCode::kInvalidFile, files_.list_path(),
                  "holds indexer tensors, but config.json says {}: these are weights of a sparse "
                  "model and config.json is wrong (deepseek_v32 is the sparse type)",
                  config_.model_type);
    }
  }

  void check_tensor(const ExpectedTensor& expected) {
    const CheckpointTensor* found = files_.find(expected.name);
    expected_names_.insert(expected.name);
    add_problem(tensor_problem(expected, found));
    if (found == nullptr || !is_fp8(*found) || expected.is_norm_or_bias) {
      return;
    }
    check_fp8_groups(expected, *found);
    const std::string name = scale_name(expected.name);
    const CheckpointTensor* scale = files_.find(name);
    expected_names_.insert(name);
    const std::string problem = scale_problem(expected, scale);
    add_problem(problem);
    if (problem.empty()) {
      check_scale_values(name, *scale);
    }
  }

  void check_fp8_groups(const ExpectedTensor& expected, const CheckpointTensor& found) const {
    const bool is_product =
        expected.name != "model.embed_tokens.weight" || config_.tie_word_embeddings;
    if (options_.needs_fp8_groups && is_product && expected.shape.size() == 2 &&
        expected.shape[1] % tensor::kFp8BlockSize != 0) {
      throw_error(ErrorCode::kUnsupported, found.file->path(),
                  "{} is F8_E4M3 with {} inputs; reference numerics round these in groups of {} "
                  "and need a multiple of it, use fast numerics",
                  expected.name, expected.shape[1], tensor::kFp8BlockSize);
    }
  }

  /// Official code (inference/model.py, Gate) adds a bias where the tensor is there and never looks
  /// at topk_method; one MoE layer with a bias means that all have one.
  void check_unannounced_biases() {
    int64_t layer_idx = config_.first_k_dense_replace;
    while (layer_idx < config_.num_hidden_layers &&
           files_.find(router_bias_name(layer_idx)) == nullptr) {
      ++layer_idx;
    }
    if (config_.n_routed_experts == 0 || config_.has_router_bias() ||
        layer_idx == config_.num_hidden_layers) {
      return;
    }
    base::log_warning(
        "{}: config.json names a topk_method without router biases, but {} is there: biases are "
        "used for choosing experts, as official code does",
        files_.list_path(), router_bias_name(layer_idx));
    for (layer_idx = config_.first_k_dense_replace; layer_idx < config_.num_hidden_layers;
         ++layer_idx) {
      check_tensor({router_bias_name(layer_idx),
                    {config_.n_routed_experts},
                    /*may_be_fp8=*/false,
                    /*is_norm_or_bias=*/true});
    }
  }

  void check_scale_values(const std::string& name, const CheckpointTensor& scale) {
    const auto bytes = scale.tensor->bytes;
    for (size_t offset = 0; offset < bytes.size(); offset += sizeof(float)) {
      float value = 0;
      std::memcpy(&value, bytes.data() + offset, sizeof value);
      if (!std::isfinite(value) || value <= 0 || value > kMaxScale) {
        add_problem(fmt::format("{}: entry {} in {} is {}, a positive finite scale is expected",
                                name, offset / sizeof value, scale.file->file_name(), value));
        return;
      }
      if (config_.has_ue8m0_scales && !base::is_power_of_two(value) && ++uneven_scales_ == 1) {
        first_uneven_scale_ = name;
      }
    }
  }

  void check_orphan_scales() {
    for (const auto& [name, tensor] : files_.tensors()) {
      if (!name.ends_with(kScaleSuffix) || layer_of(name) >= config_.num_hidden_layers) {
        continue;
      }
      const std::string weight_name = name.substr(0, name.size() - kScaleSuffix.size());
      const CheckpointTensor* weight = files_.find(weight_name);
      if (weight == nullptr || !is_fp8(*weight)) {
        add_problem(fmt::format("{} in {} scales {}, which is {}", base::shown(name),
                                tensor.file->file_name(), base::shown(weight_name),
                                weight == nullptr ? "missing" : weight->tensor->dtype_name));
      }
    }
  }

  void add_problem(const std::string& problem) {
    if (!problem.empty()) {
      problems_.push_back(problem);
    }
  }

  void throw_problems() const {
    if (problems_.empty()) {
      return;
    }
    const size_t listed = std::min(problems_.size(), kMaxListed);
    throw_error(
        ErrorCode::kInvalidFile, files_.list_path(),
        "does not hold the tensors that config.json describes: {}{}",
        fmt::join(problems_.begin(), problems_.begin() + static_cast<ptrdiff_t>(listed), "; "),
        problems_.size() > listed ? "; and more" : "");
  }

  [[nodiscard]] bool is_of_mtp(std::string_view name) const {
    return formats::is_mtp_layer(layer_of(name),
                                 {config_.num_hidden_layers, config_.num_nextn_predict_layers},
                                 files_.tensors());
  }

  /// Tensors that nothing will read.
  void report_others() const {
    int64_t mtp_tensors = 0;
    size_t unexpected = 0;
    std::vector<std::string> listed;
    for (const auto& [name, tensor] : files_.tensors()) {
      if (is_of_mtp(name)) {
        ++mtp_tensors;
      } else if (!expected_names_.contains(name) &&
                 !(config_.tie_word_embeddings && name == "lm_head.weight")) {
        ++unexpected;
        if (listed.size() < kMaxListed) {
          listed.push_back(base::shown(name));
        }
      }
    }
    if (mtp_tensors > 0) {
      base::log_info("{}: {} tensors of multi-token-prediction layers left alone",
                     files_.list_path(), mtp_tensors);
    }
    if (unexpected > 0) {
      base::log_warning("{}: {} unexpected tensors ignored: {}{}", files_.list_path(), unexpected,
                        fmt::join(listed, ", "), unexpected > listed.size() ? ", ..." : "");
    }
  }

  const formats::CheckpointFiles& files_;
  const Config& config_;
  const LoadOptions& options_;
  std::set<std::string, std::less<>> expected_names_;
  std::vector<std::string> problems_;
  int64_t uneven_scales_ = 0;
  std::string first_uneven_scale_;
};

}  // namespace

void check_checkpoint(const formats::CheckpointFiles& files, const Config& config,
                      const LoadOptions& options) {
  CheckpointCheck(files, config, options).run();
}

}  // namespace levin::model
