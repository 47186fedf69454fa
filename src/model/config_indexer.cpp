#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "base/log.h"
#include "model/config_sections.h"
#include "tensor/weight_matrix.h"

namespace levin::model {
namespace {

void check_dense(ConfigFields& fields, const Config& config) {
  for (const char* key : {"index_topk", "index_n_heads", "index_head_dim"}) {
    if (fields.has(key)) {
      fields.invalid(key, "no such key in a dense {}; a model with an indexer is a deepseek_v32",
                     config.model_type);
    }
  }
}

void check_head_dim(ConfigFields& fields, const Config& config) {
  const int64_t dim = config.indexer.index_head_dim;
  if (config.qk_rope_head_dim > dim) {
    fields.invalid("index_head_dim", "at least qk_rope_head_dim, which is {}",
                   config.qk_rope_head_dim);
  }
  if (dim % 2 != 0) {
    fields.invalid("index_head_dim", "an even number");
  }
  if (!config.indexer.has_hadamard_fp8) {
    return;
  }
  if (!std::has_single_bit(static_cast<uint64_t>(dim))) {
    fields.invalid("index_head_dim", "a power of two (Hadamard transform)");
  }
  if (dim < tensor::kFp8BlockSize) {
    base::log_warning(
        "{}: index_head_dim is {}, below the FP8 group of {}: index keys are "
        "quantised in one group of that length",
        fields.where(), dim, tensor::kFp8BlockSize);
  }
}

/// "full" or "shared" per layer, or the letters F and S.
void read_type_list(ConfigFields& fields, const char* key, const std::vector<std::string>& types,
                    Config& config) {
  const auto layers = static_cast<size_t>(config.num_hidden_layers);
  if (types.size() < layers) {
    fields.invalid(key, "an entry for each of the {} layers", layers);
  }
  for (size_t layer_idx = 0; layer_idx < layers; ++layer_idx) {
    const std::string& type = types[layer_idx];
    const bool is_full = type == "full" || type == "F";
    if (!is_full && type != "shared" && type != "S") {
      fields.invalid(key, "\"full\" (F) or \"shared\" (S) for every layer");
    }
    config.is_full_indexer_layer[layer_idx] = is_full;
  }
  if (!config.is_full_indexer_layer.front()) {
    fields.invalid(key, "\"full\" for layer 0, which has no selection to share");
  }
}

void read_indexer_types(ConfigFields& fields, Config& config) {
  config.is_full_indexer_layer.assign(static_cast<size_t>(config.num_hidden_layers), true);
  const int64_t freq = fields.integer_or("index_topk_freq", 1, kMaxLayers, 1);
  const int64_t offset = fields.integer_or("index_skip_topk_offset", 1, kMaxLayers, 2);
  const std::string pattern = fields.string_or("index_topk_pattern", "");
  if (fields.has("indexer_types")) {
    read_type_list(fields, "indexer_types", fields.strings("indexer_types"), config);
  } else if (!pattern.empty()) {
    std::vector<std::string> letters;
    for (const char letter : pattern) {
      letters.emplace_back(1, letter);
    }
    read_type_list(fields, "index_topk_pattern", letters, config);
  } else {
    for (int64_t layer_idx = 0; layer_idx < config.num_hidden_layers; ++layer_idx) {
      config.is_full_indexer_layer[static_cast<size_t>(layer_idx)] =
          std::max<int64_t>(layer_idx - offset + 1, 0) % freq == 0;
    }
  }
}

}  // namespace

void read_indexer(ConfigFields& fields, const ModelFamily& family, Config& config) {
  if (!family.is_sparse) {
    check_dense(fields, config);
    return;
  }
  IndexerConfig& indexer = config.indexer;
  indexer.has_hadamard_fp8 = !family.is_glm;
  indexer.index_n_heads = fields.integer("index_n_heads", 1, kMaxExtent);
  indexer.index_head_dim = fields.integer("index_head_dim", 1, kMaxExtent);
  indexer.index_topk = fields.integer("index_topk", 1, kMaxPositions);
  indexer.indexer_rope_interleave = fields.boolean_or("indexer_rope_interleave", false);
  check_head_dim(fields, config);
  if (indexer.index_n_heads > kMaxWidth / indexer.index_head_dim) {
    fields.invalid("index_n_heads", "at most {} with an index_head_dim of {}",
                   kMaxWidth / indexer.index_head_dim, indexer.index_head_dim);
  }
  if (config.q_lora_rank == 0) {
    fields.invalid("q_lora_rank", "at least 1: the indexer reads the compressed query");
  }
  read_indexer_types(fields, config);
}

}  // namespace levin::model
