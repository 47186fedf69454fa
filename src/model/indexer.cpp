#include "model/indexer.h"

#include <algorithm>
#include <cmath>

#include "kernels/rows.h"
#include "model/finite_check.h"
#include "model/project.h"

namespace levin::model {
namespace {

constexpr float kKeyNormEps = 1e-6F;

kernels::IndexEncoding encoding_of(const Config& config) {
  return {.key_format = config.indexer.has_hadamard_fp8 ? kernels::IndexKeyFormat::kE4m3
                                                        : kernels::IndexKeyFormat::kBf16,
          .hadamard = config.indexer.has_hadamard_fp8,
          .power_of_two_scale = config.has_ue8m0_scales};
}

/// The rotary part comes first in index queries and keys.
void rotate(const ModelContext& model, TensorView<float, 3> x, const Step& step) {
  const auto layout = model.config.indexer.indexer_rope_interleave
                          ? kernels::RopeLayout::kInterleaved
                          : kernels::RopeLayout::kHalves;
  kernels::apply_rope(model.kernels, x, step.rope.angles(), layout);
}

void write_keys(const ModelContext& model, const IndexerWeights& weights, int64_t layer_idx,
                TensorView<const float, 2> x, Step& step) {
  Tensor<float, 2>& keys = step.activations.index_k;
  keys.resize({step.tokens, model.config.indexer.index_head_dim});
  project(model, x, weights.wk, keys.view());
  check_finite(model, keys.view(), layer_idx, Part::kIndexKey);
  kernels::layer_norm(model.kernels, keys.view(), weights.k_norm_weight, weights.k_norm_bias,
                      kKeyNormEps, keys.view());
  rotate(model, split_heads(keys.view(), 1), step);
  for (size_t i = 0; i < step.chunks.size(); ++i) {
    kernels::store_index_keys(
        model.kernels, keys.view().rows(step.first_row[i], step.chunk_tokens(i)),
        encoding_of(model.config), step.kv(i, layer_idx, model.layout), step.chunks[i].first_pos);
  }
}

void encode_queries(const ModelContext& model, const IndexerWeights& weights, int64_t layer_idx,
                    TensorView<const float, 2> x, TensorView<const float, 2> q_latent, Step& step) {
  const IndexerConfig& indexer = model.config.indexer;
  Activations& act = step.activations;
  act.index_q.resize({step.tokens, indexer.index_n_heads * indexer.index_head_dim});
  act.index_w.resize({step.tokens, indexer.index_n_heads});
  project(model, q_latent, weights.wq_b, act.index_q.view());
  check_finite(model, act.index_q.view(), layer_idx, Part::kIndexQuery);
  rotate(model, split_heads(act.index_q.view(), indexer.index_n_heads), step);

  project_precise(model, x, weights.weights_proj, act.index_w.view());
  check_finite(model, act.index_w.view(), layer_idx, Part::kIndexWeight);
  const float head_scale = 1.0F / std::sqrt(static_cast<float>(indexer.index_n_heads)) /
                           std::sqrt(static_cast<float>(indexer.index_head_dim));
  float* w = act.index_w.data();
  std::transform(w, w + act.index_w.view().size(), w, [=](float v) { return v * head_scale; });

  kernels::encode_index_queries(model.kernels,
                                split_heads<const float>(act.index_q.view(), indexer.index_n_heads),
                                act.index_w.view(), encoding_of(model.config), act.index_queries);
}

void count_scored_keys(const ModelContext& model, Step& step) {
  for (size_t i = 0; i < step.chunks.size(); ++i) {
    if (step.chunks[i].is_dense) {
      continue;
    }
    const int64_t first_pos = step.chunks[i].first_pos;
    for (int64_t pos = first_pos; pos < first_pos + step.chunk_tokens(i); ++pos) {
      if (pos + 1 > model.selection_budget) {
        step.stats.index_keys_scored += pos + 1;
        step.stats.index_keys_selected += model.selection_budget;
      }
    }
  }
}

void select(const ModelContext& model, int64_t layer_idx, Step& step) {
  const Config& config = model.config;
  std::vector<kernels::IndexChunk> chunks;
  for (size_t i = 0; i < step.chunks.size(); ++i) {
    if (!step.chunks[i].is_dense) {
      chunks.push_back({.first_row = step.first_row[i],
                        .tokens = step.chunk_tokens(i),
                        .first_pos = step.chunks[i].first_pos,
                        .kv = step.kv(i, layer_idx, model.layout)});
    }
  }
  Selection& selection = step.selection;
  selection.positions.resize({step.tokens, model.selection_budget});
  selection.counts.assign(static_cast<size_t>(step.tokens), 0);

  LayerTrace* trace = step.layer_trace(layer_idx);
  TensorView<float, 2> scores;
  const bool wants_scores = trace != nullptr && step.trace->wants_indexer;
  if (wants_scores) {
    trace->index_scores.resize({step.tokens, step.positions.back() + 1});
    scores = trace->index_scores.view();
  }
  kernels::select_top_k(model.kernels, step.activations.index_queries, chunks,
                        encoding_of(config).key_format, model.selection_budget,
                        selection.positions.view(), selection.counts,
                        wants_scores ? &scores : nullptr);
  selection.is_set = true;
}

}  // namespace

void run_indexer(const ModelContext& model, const IndexerWeights& weights, int64_t layer_idx,
                 TensorView<const float, 2> x, TensorView<const float, 2> q_latent, Step& step) {
  write_keys(model, weights, layer_idx, x, step);
  const int64_t longest = step.longest_selecting();
  const bool wants_scores = step.trace != nullptr && step.trace->wants_indexer && longest > 0;
  if (longest <= model.selection_budget && !wants_scores) {
    step.selection.is_set = false;  // everybody reads everything: no scores are needed
    return;
  }
  encode_queries(model, weights, layer_idx, x, q_latent, step);
  select(model, layer_idx, step);
  count_scored_keys(model, step);
}

}  // namespace levin::model
