#include "formats/mtp_layers.h"

#include <fmt/format.h>

#include <charconv>

namespace levin::formats {
namespace {

constexpr std::string_view kLayers = "model.layers.";

}  // namespace

int64_t layer_of(std::string_view tensor_name) {
  if (!tensor_name.starts_with(kLayers)) {
    return -1;
  }
  const std::string_view rest = tensor_name.substr(kLayers.size());
  int64_t layer_idx = -1;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), layer_idx);
  const bool is_number = error == std::errc() && end != rest.data() + rest.size() && *end == '.';
  return is_number && layer_idx >= 0 ? layer_idx : -1;
}

bool is_mtp_layer(int64_t layer_idx, const LayerCounts& counts, const CheckpointMap& tensors) {
  const int64_t behind = layer_idx - counts.num_hidden_layers;
  return behind >= 0 && (behind < counts.num_nextn_predict_layers ||
                         tensors.contains(fmt::format("{}{}.eh_proj.weight", kLayers, layer_idx)));
}

}  // namespace levin::formats
