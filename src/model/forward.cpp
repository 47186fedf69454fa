#include "model/forward.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/rows.h"
#include "model/attention.h"
#include "model/feed_forward.h"
#include "model/finite_check.h"
#include "model/project.h"
#include "model/step.h"
#include "model/stopwatch.h"
#include "tensor/weight_matrix.h"

namespace levin::model {
namespace {

void embed(const ModelContext& model, Step& step) {
  Tensor<float, 2>& hidden = step.activations.hidden;
  hidden.resize({step.tokens, model.config.hidden_size});
  int64_t row = 0;
  for (const Chunk& chunk : step.chunks) {
    for (const int32_t token : chunk.tokens) {
      tensor::decode_row(model.weights.embed_tokens, token, hidden.view().row(row));
      ++row;
    }
  }
  check_finite(model, hidden.view(), 0, Part::kEmbedding);
}

/// Norm, attention, residual, norm, MLP or MoE, residual.
void run_layer(const ModelContext& model, int64_t layer_idx, Step& step) {
  const LayerWeights& weights = model.weights.layers[static_cast<size_t>(layer_idx)];
  const auto eps = static_cast<float>(model.config.rms_norm_eps);
  Activations& act = step.activations;
  const TensorView<float, 2> hidden = act.hidden.view();
  act.normed.resize(hidden.extents());
  act.block_out.resize(hidden.extents());
  const TensorView<float, 2> normed = act.normed.view();
  const TensorView<float, 2> block_out = act.block_out.view();

  kernels::rms_norm(model.kernels, hidden, weights.input_layernorm, eps, normed);
  run_attention(model, weights.attention, layer_idx, normed, step, block_out);
  kernels::add(model.kernels, block_out, hidden);
  check_finite(model, hidden, layer_idx, Part::kAttention);
  if (step.trace != nullptr && step.trace->wants_hidden) {
    copy_rows<float>(block_out, step.layer_trace(layer_idx)->attn_out);
  }

  kernels::rms_norm(model.kernels, hidden, weights.post_attention_layernorm, eps, normed);
  if (model.config.is_moe_layer(layer_idx)) {
    run_moe(model, weights.moe, layer_idx, normed, step, block_out);
  } else {
    run_mlp(model, weights.mlp, normed, step, block_out);
  }
  kernels::add(model.kernels, block_out, hidden);
  check_finite(model, hidden, layer_idx, Part::kFeedForward);
  if (step.trace != nullptr && step.trace->wants_hidden) {
    copy_rows<float>(hidden, step.layer_trace(layer_idx)->hidden);
  }
}

/// Rows of the step whose logits are wanted, in order.
std::vector<int64_t> logit_rows(const Step& step) {
  std::vector<int64_t> rows;
  for (size_t i = 0; i < step.chunks.size(); ++i) {
    const int64_t first = step.first_row[i];
    const int64_t end = first + step.chunk_tokens(i);
    if (step.chunks[i].logits == LogitsWanted::kLast) {
      rows.push_back(end - 1);
    }
    for (int64_t row = first; step.chunks[i].logits == LogitsWanted::kAll && row < end; ++row) {
      rows.push_back(row);
    }
  }
  return rows;
}

void run_head(const ModelContext& model, Step& step, Tensor<float, 2>& logits) {
  const std::vector<int64_t> rows = logit_rows(step);
  const auto count = static_cast<int64_t>(rows.size());
  Activations& act = step.activations;
  logits.resize({count, model.config.vocab_size});
  act.normed.resize({count, model.config.hidden_size});
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(act.normed.view().row(i), act.hidden.view().row(rows[static_cast<size_t>(i)]),
                static_cast<size_t>(model.config.hidden_size) * sizeof(float));
  }
  kernels::rms_norm(model.kernels, act.normed.view(), model.weights.norm,
                    static_cast<float>(model.config.rms_norm_eps), act.normed.view());
  project_precise(model, act.normed.view(), model.weights.lm_head, logits.view());
  check_finite(model, logits.view(), 0, Part::kHead);
}

}  // namespace

StepStats& StepStats::operator+=(const StepStats& other) noexcept {
  latent_rows_read += other.latent_rows_read;
  visible_rows += other.visible_rows;
  index_keys_scored += other.index_keys_scored;
  index_keys_selected += other.index_keys_selected;
  return *this;
}

StepTime& StepTime::operator+=(const StepTime& other) noexcept {
  indexer_s += other.indexer_s;
  attention_s += other.attention_s;
  total_s += other.total_s;
  return *this;
}

bool reads_selection(const Config& config, const ForwardOptions& options) {
  const SelectionRule& rule = options.selection;
  if (options.attention == AttentionMode::kDense) {
    return false;
  }
  if (rule.kind != SelectionKind::kIndexer) {
    if (selection_budget(config, rule) == 0) {
      base::throw_error(base::ErrorCode::kInvalidArgument, "",
                        "the rule {} needs a budget, because this {} checkpoint has no index_topk",
                        selection_kind_name(rule.kind), config.model_type);
    }
    return true;
  }
  if (options.attention == AttentionMode::kSparse && !config.is_sparse()) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "",
                      "sparse attention was asked for, but this {} checkpoint has no indexer",
                      config.model_type);
  }
  return config.is_sparse();
}

bool runs_indexer(const Config& config, const ForwardOptions& options) {
  return reads_selection(config, options) && options.selection.kind == SelectionKind::kIndexer;
}

int64_t selection_budget(const Config& config, const SelectionRule& rule) noexcept {
  return rule.budget > 0 ? std::min(rule.budget, config.max_position_embeddings)
                         : config.indexer.index_topk;
}

kernels::KvLayout kv_layout(const Config& config, const ForwardOptions& options) {
  const bool has_index_keys = runs_indexer(config, options);
  return {.num_layers = config.num_hidden_layers,
          .kv_row_dim = config.kv_row_dim(),
          .index_head_dim = has_index_keys ? config.indexer.index_head_dim : 0,
          .latent_bytes = options.numerics == Numerics::kReference ? 4 : 2,
          .index_key_bytes = config.indexer.has_hadamard_fp8 ? 1 : 2};
}

struct Transformer::State {
  ModelContext model;
  Step step;
};

Transformer::Transformer(const Config& config, const Weights& weights, kernels::Context& ctx,
                         const ForwardOptions& options) {
  state_ = std::make_unique<State>(
      State{.model = {.config = config,
                      .weights = weights,
                      .kernels = ctx,
                      .options = options,
                      .layout = model::kv_layout(config, options),
                      .is_sparse = reads_selection(config, options),
                      .selection_budget = selection_budget(config, options.selection)},
            .step = Step(config)});
}

Transformer::~Transformer() = default;

const Config& Transformer::config() const noexcept { return state_->model.config; }
const kernels::KvLayout& Transformer::kv_layout() const noexcept { return state_->model.layout; }
bool Transformer::is_sparse() const noexcept { return state_->model.is_sparse; }
const StepStats& Transformer::last_step() const noexcept { return state_->step.stats; }
const StepTime& Transformer::last_step_time() const noexcept { return state_->step.time; }

void Transformer::forward(std::span<const Chunk> chunks, tensor::Tensor<float, 2>& logits,
                          Trace* trace, const ForcedDecisions* forced) {
  const ModelContext& model = state_->model;
  Step& step = state_->step;
  step.begin(model.config, chunks);
  const Stopwatch stopwatch(model, step.time.total_s);
  step.trace = trace;
  step.forced = forced;
  if (trace != nullptr) {
    trace->layers.resize(static_cast<size_t>(model.config.num_hidden_layers));
  }
  embed(model, step);
  for (int64_t layer_idx = 0; layer_idx < model.config.num_hidden_layers; ++layer_idx) {
    if (forced != nullptr && !forced->hidden.empty() && layer_idx > 0) {
      copy_rows(forced->hidden[static_cast<size_t>(layer_idx)], step.activations.hidden);
    }
    run_layer(model, layer_idx, step);
  }
  run_head(model, step, logits);
}

}  // namespace levin::model
