#include "model/weights_key_up.h"

#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/float_formats.h"
#include "model/weights_expected.h"

namespace levin::model {
namespace {

/// One head: rows [c, n] of `out` from rows [n, c] of `rows`.
void transpose_head(const WeightMatrix& rows, base::Bf16* out, int64_t layer_idx) {
  std::vector<float> row(static_cast<size_t>(rows.cols));
  for (int64_t n = 0; n < rows.rows; ++n) {
    tensor::decode_row(rows, n, row.data());
    for (int64_t c = 0; c < rows.cols; ++c) {
      const float value = row[static_cast<size_t>(c)];
      if (!std::isfinite(value)) {
        base::throw_error(
            base::ErrorCode::kInvalidFile, layer_prefix(layer_idx) + "self_attn.kv_b_proj.weight",
            "row {}, column {} is {}, a finite weight is expected", rows.first_row + n, c, value);
      }
      out[c * rows.rows + n] = base::to_bf16(value);
    }
  }
}

}  // namespace

int64_t key_up_bytes(const Config& config) noexcept {
  return config.num_attention_heads * config.kv_lora_rank * config.qk_nope_head_dim *
         static_cast<int64_t>(sizeof(base::Bf16));
}

int64_t key_up_source_bytes(const Config& config, const Weights& weights) noexcept {
  int64_t bytes = 0;
  for (const LayerWeights& layer : weights.layers) {
    bytes += layer.attention.kv_b_proj.row_bytes() * config.num_attention_heads *
             config.qk_nope_head_dim;
  }
  return bytes;
}

void make_key_up(const Config& config, Weights& weights, WeightsArena& arena,
                 base::ThreadPool& pool, const LoadOptions& options, LoadProgress& progress) {
  const int64_t heads = config.num_attention_heads;
  const int64_t head_rows = config.qk_nope_head_dim + config.v_head_dim;
  std::vector<base::Bf16*> outputs;
  for (LayerWeights& layer : weights.layers) {
    std::byte* const memory = arena.take(key_up_bytes(config));
    outputs.push_back(reinterpret_cast<base::Bf16*>(memory));
    layer.attention.k_up_transposed = WeightMatrix{.format = tensor::WeightFormat::kBf16,
                                                   .rows = heads * config.kv_lora_rank,
                                                   .cols = config.qk_nope_head_dim,
                                                   .data = memory};
  }
  const auto head_view = [&](int64_t task_idx) {
    return weights.layers[static_cast<size_t>(task_idx / heads)].attention.kv_b_proj.slice_rows(
        task_idx % heads * head_rows, config.qk_nope_head_dim);
  };
  run_load_tasks(
      pool, config.num_hidden_layers * heads, options, progress,
      [&](int64_t task_idx) {
        base::Bf16* const out = outputs[static_cast<size_t>(task_idx / heads)] +
                                task_idx % heads * config.kv_lora_rank * config.qk_nope_head_dim;
        transpose_head(head_view(task_idx), out, task_idx / heads);
      },
      [&](int64_t task_idx) {
        const WeightMatrix view = head_view(task_idx);
        return view.rows * view.row_bytes();
      });
}

}  // namespace levin::model
