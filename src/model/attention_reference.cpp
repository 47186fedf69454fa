#include "model/attention_reference.h"

#include <cstring>

#include "model/project.h"
#include "tensor/weight_matrix.h"

namespace levin::model {
namespace {

WeightMatrix f32_matrix(TensorView<const float, 2> data) {
  return {.format = tensor::WeightFormat::kF32,
          .rows = data.extent(0),
          .cols = data.extent(1),
          .data = reinterpret_cast<const std::byte*>(data.data())};
}

/// kv_b_proj in float32 and its key part transposed per head: k_up[h * latent + c, i].
void dequantise_kv_b(const Config& config, const WeightMatrix& kv_b_proj, Activations& act) {
  const int64_t latent = config.kv_lora_rank;
  const int64_t nope = config.qk_nope_head_dim;
  const int64_t head_rows = nope + config.v_head_dim;
  act.kv_b.resize({kv_b_proj.rows, latent});
  act.k_up.resize({config.num_attention_heads * latent, nope});
  for (int64_t row = 0; row < kv_b_proj.rows; ++row) {
    float* values = act.kv_b.view().row(row);
    tensor::decode_row(kv_b_proj, row, values);
    const int64_t head = row / head_rows;
    const int64_t i = row % head_rows;
    for (int64_t c = 0; i < nope && c < latent; ++c) {
      act.k_up.view().row(head * latent + c)[i] = values[c];
    }
  }
}

/// One row of a decode chunk; kv_b_proj is dequantised already.
void decode_row(const ModelContext& model, int64_t layer_idx, size_t chunk_idx, int64_t row,
                Step& step) {
  const Config& config = model.config;
  Activations& act = step.activations;
  const int64_t heads = config.num_attention_heads;
  const int64_t latent = config.kv_lora_rank;
  const int64_t nope = config.qk_nope_head_dim;
  act.q_absorbed.resize({1, heads, config.kv_row_dim()});
  act.latent_out.resize({1, heads, latent});

  const TensorView<float, 3> q = split_heads(act.q.view(), heads).rows(row, 1);
  const TensorView<float, 3> out = split_heads(act.heads_out.view(), heads).rows(row, 1);
  const TensorView<float, 3> q_absorbed = act.q_absorbed.view();
  const WeightMatrix k_up = f32_matrix(act.k_up.view());
  for (int64_t head = 0; head < heads; ++head) {
    project(model, select_head(q, head).columns(0, nope), k_up.slice_rows(head * latent, latent),
            select_head(q_absorbed, head).columns(0, latent));
    std::memcpy(q_absorbed.row(0, head) + latent, q.row(0, head) + nope,
                static_cast<size_t>(config.qk_rope_head_dim) * sizeof(float));
  }
  const kernels::AbsorbedQuery query{.kv = step.kv(chunk_idx, layer_idx, model.layout),
                                     .positions = step.selection.row(row),
                                     .kv_tokens = step.positions[static_cast<size_t>(row)] + 1};
  step.stats.latent_rows_read += kernels::absorbed_attention_reference(
      model.kernels, q_absorbed, {&query, 1}, mla_dims(config), act.latent_out.view());

  const WeightMatrix kv_b = f32_matrix(act.kv_b.view());
  const int64_t head_rows = nope + config.v_head_dim;
  for (int64_t head = 0; head < heads; ++head) {
    project(model, select_head<const float>(act.latent_out.view(), head),
            kv_b.slice_rows(head * head_rows + nope, config.v_head_dim), select_head(out, head));
  }
}

void decode_chunk(const ModelContext& model, const AttentionWeights& weights, int64_t layer_idx,
                  size_t chunk_idx, Step& step) {
  dequantise_kv_b(model.config, weights.kv_b_proj, step.activations);
  const int64_t first_row = step.first_row[chunk_idx];
  for (int64_t row = first_row; row < first_row + step.chunk_tokens(chunk_idx); ++row) {
    decode_row(model, layer_idx, chunk_idx, row, step);
  }
}

void prefill_chunk(const ModelContext& model, const AttentionWeights& weights, int64_t layer_idx,
                   size_t chunk_idx, Step& step) {
  const Config& config = model.config;
  Activations& act = step.activations;
  const Chunk& chunk = step.chunks[chunk_idx];
  const int64_t heads = config.num_attention_heads;
  const int64_t tokens = step.chunk_tokens(chunk_idx);
  const int64_t first_row = step.first_row[chunk_idx];
  const int64_t kv_tokens = chunk.first_pos + tokens;
  const kernels::KvLayerView kv = step.kv(chunk_idx, layer_idx, model.layout);

  act.expanded.resize({kv_tokens, weights.kv_b_proj.rows});
  for (int64_t pos = 0; pos < kv_tokens; pos += kernels::kPageTokens) {
    const int64_t count = std::min(kernels::kPageTokens, kv_tokens - pos);
    const TensorView<const float, 2> latents(reinterpret_cast<const float*>(kv.latent_row(pos)),
                                             {count, config.kv_lora_rank},
                                             {config.kv_row_dim(), 1});
    project(model, latents, weights.kv_b_proj, act.expanded.view().rows(pos, count));
  }
  std::vector<std::span<const int32_t>> positions;
  for (int64_t row = first_row; row < first_row + tokens; ++row) {
    positions.push_back(step.selection.row(row));
  }
  step.stats.latent_rows_read += kernels::expanded_attention_reference(
      model.kernels, split_heads<const float>(act.q.view(), heads).rows(first_row, tokens),
      chunk.first_pos, kv, act.expanded.view(), positions, mla_dims(config),
      split_heads(act.heads_out.view(), heads).rows(first_row, tokens));
}

}  // namespace

void attend_reference(const ModelContext& model, const AttentionWeights& weights, int64_t layer_idx,
                      Step& step) {
  for (size_t i = 0; i < step.chunks.size(); ++i) {
    if (step.chunks[i].is_decode) {
      decode_chunk(model, weights, layer_idx, i, step);
    } else {
      prefill_chunk(model, weights, layer_idx, i, step);
    }
  }
}

}  // namespace levin::model
