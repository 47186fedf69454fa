#include "model/attention_core.h"

#include <algorithm>
#include <cstring>

#include "kernels/attention.h"
#include "model/activation_memory.h"
#include "model/attention_reference.h"
#include "model/project.h"

namespace levin::model {
namespace {

/// One task per head: absorbed latent part of the queries, q_nope W_UK.
void absorb_queries(const ModelContext& model, const AttentionWeights& weights,
                    TensorView<const float, 3> q, TensorView<float, 3> q_absorbed) {
  const Config& config = model.config;
  const int64_t latent = config.kv_lora_rank;
  const int64_t nope = config.qk_nope_head_dim;
  std::vector<kernels::LinearTask> tasks;
  for (int64_t head = 0; head < config.num_attention_heads; ++head) {
    tasks.push_back({.x = select_head(q, head).columns(0, nope),
                     .w = weights.k_up_transposed.slice_rows(head * latent, latent),
                     .y = select_head(q_absorbed, head).columns(0, latent)});
  }
  kernels::linear_batch(model.kernels, tasks);
  for (int64_t row = 0; row < q.extent(0); ++row) {
    for (int64_t head = 0; head < config.num_attention_heads; ++head) {
      std::memcpy(q_absorbed.row(row, head) + latent, q.row(row, head) + nope,
                  static_cast<size_t>(config.qk_rope_head_dim) * sizeof(float));
    }
  }
}

/// One task per head: values from the attended latents, W_UV o.
void expand_outputs(const ModelContext& model, const AttentionWeights& weights,
                    TensorView<const float, 3> latent_out, TensorView<float, 3> out) {
  const Config& config = model.config;
  const int64_t head_rows = config.qk_nope_head_dim + config.v_head_dim;
  std::vector<kernels::LinearTask> tasks;
  for (int64_t head = 0; head < config.num_attention_heads; ++head) {
    tasks.push_back({.x = select_head(latent_out, head),
                     .w = weights.kv_b_proj.slice_rows(head * head_rows + config.qk_nope_head_dim,
                                                       config.v_head_dim),
                     .y = select_head(out, head)});
  }
  kernels::linear_batch(model.kernels, tasks);
}

/// A token of the step that attends in absorbed form.
struct AbsorbedRow {
  int64_t row = 0;
  kernels::AbsorbedQuery query;
};

void attend_absorbed(const ModelContext& model, const AttentionWeights& weights,
                     std::span<const AbsorbedRow> rows, Step& step) {
  const Config& config = model.config;
  Activations& act = step.activations;
  const int64_t heads = config.num_attention_heads;
  const TensorView<float, 3> q = split_heads(act.q.view(), heads);
  const TensorView<float, 3> out = split_heads(act.heads_out.view(), heads);
  std::vector<kernels::AbsorbedQuery> queries;
  // Consecutive rows of the step form a tile, so that queries and outputs are plain slices.
  for (size_t begin = 0; begin < rows.size();) {
    queries.clear();
    const int64_t first = rows[begin].row;
    while (begin + queries.size() < rows.size() &&
           static_cast<int64_t>(queries.size()) < kAbsorbedTile &&
           rows[begin + queries.size()].row == first + static_cast<int64_t>(queries.size())) {
      queries.push_back(rows[begin + queries.size()].query);
    }
    const auto count = static_cast<int64_t>(queries.size());
    act.q_absorbed.resize({count, heads, config.kv_row_dim()});
    act.latent_out.resize({count, heads, config.kv_lora_rank});
    absorb_queries(model, weights, q.rows(first, count), act.q_absorbed.view());
    step.stats.latent_rows_read += kernels::absorbed_attention(
        model.kernels, act.q_absorbed.view(), queries, mla_dims(config), act.latent_out.view());
    expand_outputs(model, weights, act.latent_out.view(), out.rows(first, count));
    begin += queries.size();
  }
}

/// How many tokens at the start of the chunk attend in expanded form.
int64_t expanded_tokens(const ModelContext& model, const Step& step, size_t chunk_idx) {
  const Chunk& chunk = step.chunks[chunk_idx];
  if (chunk.is_decode || step.selection.forced != nullptr) {
    return 0;
  }
  const auto tokens = static_cast<int64_t>(chunk.tokens.size());
  if (!model.is_sparse || chunk.is_dense) {
    return tokens;
  }
  return std::clamp<int64_t>(model.selection_budget - chunk.first_pos, 0, tokens);
}

}  // namespace

kernels::MlaDims mla_dims(const Config& config) {
  return {.num_attention_heads = config.num_attention_heads,
          .kv_lora_rank = config.kv_lora_rank,
          .qk_nope_head_dim = config.qk_nope_head_dim,
          .qk_rope_head_dim = config.qk_rope_head_dim,
          .v_head_dim = config.v_head_dim,
          .softmax_scale = static_cast<float>(config.softmax_scale())};
}

void attend(const ModelContext& model, const AttentionWeights& weights, int64_t layer_idx,
            Step& step) {
  const Config& config = model.config;
  Activations& act = step.activations;
  act.heads_out.resize({step.tokens, config.num_attention_heads * config.v_head_dim});
  for (const int64_t position : step.positions) {
    step.stats.visible_rows += position + 1;
  }
  if (model.is_reference()) {
    attend_reference(model, weights, layer_idx, step);
    return;
  }
  std::vector<kernels::ExpandedChunk> expanded;
  std::vector<AbsorbedRow> absorbed;
  for (size_t i = 0; i < step.chunks.size(); ++i) {
    const kernels::KvLayerView kv = step.kv(i, layer_idx, model.layout);
    const int64_t first_row = step.first_row[i];
    const int64_t count = expanded_tokens(model, step, i);
    if (count > 0) {
      expanded.push_back({.kv = kv,
                          .first_pos = step.chunks[i].first_pos,
                          .first_row = first_row,
                          .tokens = count});
    }
    for (int64_t row = first_row; row < first_row + count; ++row) {
      step.stats.latent_rows_read += step.positions[static_cast<size_t>(row)] + 1;
    }
    for (int64_t row = first_row + count; row < first_row + step.chunk_tokens(i); ++row) {
      absorbed.push_back({row,
                          {.kv = kv,
                           .positions = step.selection.row(row),
                           .kv_tokens = step.positions[static_cast<size_t>(row)] + 1}});
    }
  }
  kernels::expanded_attention(model.kernels,
                              split_heads<const float>(act.q.view(), config.num_attention_heads),
                              expanded, weights.kv_b_proj, mla_dims(config),
                              split_heads(act.heads_out.view(), config.num_attention_heads));
  attend_absorbed(model, weights, absorbed, step);
}

}  // namespace levin::model
