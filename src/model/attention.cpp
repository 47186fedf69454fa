#include "model/attention.h"

#include <algorithm>
#include <cmath>

#include "base/float_formats.h"
#include "kernels/attention.h"
#include "kernels/rows.h"
#include "model/attention_core.h"
#include "model/attention_mass.h"
#include "model/finite_check.h"
#include "model/indexer.h"
#include "model/project.h"
#include "model/stopwatch.h"
#include "tensor/weight_matrix.h"

namespace levin::model {
namespace {

/// q = W_qb RMSNorm(W_qa x), or W_q x; its rotary part rotated.
void make_queries(const ModelContext& model, const AttentionWeights& weights, int64_t layer_idx,
                  TensorView<const float, 2> x, Step& step) {
  const Config& config = model.config;
  Activations& act = step.activations;
  act.q.resize({step.tokens, config.num_attention_heads * config.qk_head_dim()});
  if (config.q_lora_rank == 0) {
    project(model, x, weights.q_proj, act.q.view());
  } else {
    act.q_latent.resize({step.tokens, config.q_lora_rank});
    project(model, x, weights.q_a_proj, act.q_latent.view());
    kernels::rms_norm(model.kernels, act.q_latent.view(), weights.q_a_layernorm,
                      static_cast<float>(config.rms_norm_eps), act.q_latent.view());
    project(model, act.q_latent.view(), weights.q_b_proj, act.q.view());
  }
  check_finite(model, act.q.view(), layer_idx, Part::kQuery);
  kernels::apply_rope(model.kernels,
                      split_heads(act.q.view(), config.num_attention_heads)
                          .columns(config.qk_nope_head_dim, config.qk_rope_head_dim),
                      step.rope.angles(), kernels::RopeLayout::kInterleaved);
}

/// Rounds latents through E4M3 in groups of 128, as the official code does before caching them.
void round_latent_to_fp8(TensorView<float, 2> latent, bool power_of_two_scale) {
  for (int64_t row = 0; row < latent.extent(0); ++row) {
    for (int64_t begin = 0; begin < latent.extent(1); begin += tensor::kFp8BlockSize) {
      float* group = latent.row(row) + begin;
      float amax = 0.0F;
      for (int64_t i = 0; i < tensor::kFp8BlockSize; ++i) {
        amax = std::max(amax, std::abs(group[i]));
      }
      const float scale = base::act_quant_scale(amax, power_of_two_scale);
      for (int64_t i = 0; i < tensor::kFp8BlockSize; ++i) {
        group[i] = base::to_f32(base::to_e4m3(group[i] / scale)) * scale;
      }
    }
  }
}

/// c = RMSNorm(first part of W_kva x), k_rope = its rotated rest; both go to the cache.
void write_latents(const ModelContext& model, const AttentionWeights& weights, int64_t layer_idx,
                   TensorView<const float, 2> x, Step& step) {
  const Config& config = model.config;
  Tensor<float, 2>& kv = step.activations.kv;
  kv.resize({step.tokens, config.kv_row_dim()});
  project(model, x, weights.kv_a_proj, kv.view());
  check_finite(model, kv.view(), layer_idx, Part::kLatent);

  const TensorView<float, 2> latent = kv.view().columns(0, config.kv_lora_rank);
  kernels::rms_norm(model.kernels, latent, weights.kv_a_layernorm,
                    static_cast<float>(config.rms_norm_eps), latent);
  if (model.is_reference() && model.options.fp8_latent && config.has_fp8_latent()) {
    round_latent_to_fp8(latent, config.has_ue8m0_scales);
  }
  kernels::apply_rope(
      model.kernels,
      split_heads(kv.view(), 1).columns(config.kv_lora_rank, config.qk_rope_head_dim),
      step.rope.angles(), kernels::RopeLayout::kInterleaved);
  for (size_t i = 0; i < step.chunks.size(); ++i) {
    kernels::store_latent_rows(model.kernels,
                               kv.view().rows(step.first_row[i], step.chunk_tokens(i)),
                               step.kv(i, layer_idx, model.layout), step.chunks[i].first_pos);
  }
}

/// The rule's positions, for every token of the sequences that are not dense.
void apply_pattern(const ModelContext& model, int64_t layer_idx, Step& step) {
  Selection& selection = step.selection;
  selection.is_set = step.longest_selecting() > model.selection_budget;
  if (!selection.is_set) {
    return;  // everybody reads everything
  }
  selection.positions.resize({step.tokens, model.selection_budget});
  selection.counts.assign(static_cast<size_t>(step.tokens), 0);
  const TensorView<int32_t, 2> positions = selection.positions.view();
  for (size_t i = 0; i < step.chunks.size(); ++i) {
    if (step.chunks[i].is_dense) {
      continue;
    }
    model.kernels.pool().parallel_for(step.chunk_tokens(i), [&](int64_t token, int /*thread*/) {
      const int64_t row = step.first_row[i] + token;
      const auto idx = static_cast<size_t>(row);
      const std::span<int32_t> room(positions.row(row),
                                    static_cast<size_t>(model.selection_budget));
      selection.counts[idx] = static_cast<int32_t>(
          write_pattern(model.options.selection, layer_idx, step.positions[idx], room));
    });
  }
}

void select_positions(const ModelContext& model, const AttentionWeights& weights, int64_t layer_idx,
                      TensorView<const float, 2> x, Step& step) {
  if (model.is_sparse && model.options.selection.kind != SelectionKind::kIndexer) {
    apply_pattern(model, layer_idx, step);
  } else if (model.is_sparse &&
             model.config.is_full_indexer_layer[static_cast<size_t>(layer_idx)]) {
    const Stopwatch stopwatch(model, step.time.indexer_s);
    run_indexer(model, weights.indexer, layer_idx, x, step.activations.q_latent.view(), step);
  }
  step.selection.forced = nullptr;
  if (step.forced != nullptr && !step.forced->selected.empty()) {
    step.selection.forced = &step.forced->selected[static_cast<size_t>(layer_idx)];
  }
}

void trace_selection(const Step& step, LayerTrace& trace) {
  trace.selected.assign(static_cast<size_t>(step.tokens), {});
  for (int64_t row = 0; row < step.tokens; ++row) {
    std::vector<int32_t>& positions = trace.selected[static_cast<size_t>(row)];
    const std::span<const int32_t> selected = step.selection.row(row);
    positions.assign(selected.begin(), selected.end());
    if (selected.empty()) {
      for (int64_t pos = 0; pos <= step.positions[static_cast<size_t>(row)]; ++pos) {
        positions.push_back(static_cast<int32_t>(pos));
      }
    }
  }
}

}  // namespace

void run_attention(const ModelContext& model, const AttentionWeights& weights, int64_t layer_idx,
                   TensorView<const float, 2> x, Step& step, TensorView<float, 2> out) {
  make_queries(model, weights, layer_idx, x, step);
  write_latents(model, weights, layer_idx, x, step);
  select_positions(model, weights, layer_idx, x, step);
  if (step.trace != nullptr && step.trace->wants_selected) {
    trace_selection(step, *step.layer_trace(layer_idx));
  }
  if (step.trace != nullptr && step.trace->mass_stride > 0) {
    observe_mass(model, weights, layer_idx, step);
  }
  {
    const Stopwatch stopwatch(model, step.time.attention_s);
    attend(model, weights, layer_idx, step);
  }
  project(model, step.activations.heads_out.view(), weights.o_proj, out);
}

}  // namespace levin::model
