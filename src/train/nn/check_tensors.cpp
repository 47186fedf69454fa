// Do the files hold exactly the tensors of the config? Declared in load.h.
#include <fmt/ranges.h>

#include <map>

#include "base/error.h"
#include "base/log.h"
#include "formats/mtp_layers.h"
#include "train/nn/checkpoint_names.h"
#include "train/nn/load.h"

namespace levin::train::nn {
namespace {

using formats::CheckpointFiles;

/// A message lists so many tensors and counts the others.
constexpr size_t kListed = 3;

using Shapes = std::map<std::string, std::vector<int64_t>>;

Shapes expected_shapes(const Config& config) {
  ModelWeights unfilled;
  unfilled.config = config;
  Shapes shapes;
  visit_tensors(unfilled, [&](const TensorSpec& spec, at::Tensor&) {
    shapes.emplace(spec.name, spec.shape);
  });
  return shapes;
}

bool is_mtp(const std::string& name, const Config& config, const CheckpointFiles& files) {
  return formats::is_mtp_layer(formats::layer_of(name),
                               {config.num_hidden_layers, config.num_nextn_predict_layers},
                               files.tensors());
}

/// Is `name` the block scales of a weight that is stored as FP8?
bool is_scale_of_fp8(const std::string& name, const CheckpointFiles& files) {
  constexpr std::string_view kSuffix = "_scale_inv";
  if (!name.ends_with(kSuffix)) {
    return false;
  }
  const formats::CheckpointTensor* weight =
      files.find(name.substr(0, name.size() - kSuffix.size()));
  return weight != nullptr && weight->tensor->dtype == tensor::DType::kF8E4m3;
}

std::string listed(const std::vector<std::string>& problems) {
  const std::vector<std::string> first(
      problems.begin(),
      problems.begin() + static_cast<int64_t>(std::min(problems.size(), kListed)));
  const std::string text = fmt::format("{}", fmt::join(first, "; "));
  return problems.size() > kListed ? fmt::format("{}; and {} more", text, problems.size() - kListed)
                                   : text;
}

}  // namespace

void check_tensor_list(const CheckpointFiles& files, const Config& config) {
  const Shapes expected = expected_shapes(config);
  std::vector<std::string> problems;
  for (const auto& [name, shape] : expected) {
    const formats::CheckpointTensor* found = files.find(name);
    if (found == nullptr) {
      if (!(config.tie_word_embeddings && name == kHeadName)) {
        problems.push_back(fmt::format("{} is missing", name));
      }
    } else if (found->tensor->shape != shape) {
      problems.push_back(fmt::format("{}: shape {} expected, file has {}", name,
                                     formats::shape_text(shape),
                                     formats::shape_text(found->tensor->shape)));
    }
  }
  bool has_mtp = false;
  for (const auto& [name, found] : files.tensors()) {
    if (is_mtp(name, config, files)) {
      has_mtp = true;
    } else if (!expected.contains(name) && !name.ends_with("rotary_emb.inv_freq") &&
               !is_scale_of_fp8(name, files)) {
      problems.push_back(fmt::format("{} does not belong to a {}", name, config.model_type));
    }
  }
  if (!problems.empty()) {
    throw base::Error(base::ErrorCode::kInvalidFile,
                      "the tensors are not those of config.json: " + listed(problems),
                      files.list_path());
  }
  if (has_mtp) {
    base::log_info("{}: multi-token-prediction layers are left out of training", files.list_path());
  }
}

}  // namespace levin::train::nn
