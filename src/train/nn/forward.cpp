#include "train/nn/forward.h"

#include <ATen/ATen.h>

#include "base/error.h"
#include "train/nn/attention_inputs.h"
#include "train/nn/dense_attention.h"
#include "train/nn/feed_forward.h"
#include "train/nn/indexer_kl.h"
#include "train/nn/layers.h"
#include "train/nn/router.h"
#include "train/nn/select_top_k.h"
#include "train/nn/sparse_attention.h"

namespace levin::train::nn {
namespace {

using base::ErrorCode;
using base::throw_error;

/// The indexer's part of a layer: its selection (kSparse) and its loss.
void run_indexer(PassContext& pass, const IndexerWeights& weights, const at::Tensor& x,
                 const AttentionInputs& attention, LayerResult& result) {
  const bool is_sparse = pass.options.mode == AttentionMode::kSparse;
  if (!weights.wk.defined()) {
    return;  // this layer shares the selection of the one before
  }
  const IndexInputs index = index_inputs(pass.config, weights, x, attention.q_low, pass.rotary);
  if (is_sparse) {
    pass.selection = select_top_k(index.q, index.k, index.weights, pass.documents,
                                  pass.config.indexer.index_topk);
  }
  result.indexer_kl = indexer_kl(index.q, index.k, index.weights, attention.q.detach(),
                                 attention.k.detach(), pass.documents, pass.config.softmax_scale(),
                                 is_sparse ? &*pass.selection : nullptr);
}

at::Tensor attend(const PassContext& pass, const AttentionInputs& inputs) {
  const double scale = pass.config.softmax_scale();
  return pass.options.mode == AttentionMode::kSparse
             ? sparse_attention(inputs.q, inputs.k, inputs.v, *pass.selection, pass.documents,
                                scale)
             : dense_attention(inputs.q, inputs.k, inputs.v, pass.documents, scale);
}

at::Tensor feed_forward(const PassContext& pass, const LayerWeights& layer, const at::Tensor& x,
                        LayerResult& result) {
  if (const auto* dense = std::get_if<MlpWeights>(&layer.mlp)) {
    return mlp(*dense, x);
  }
  const MoeWeights& experts = std::get<MoeWeights>(layer.mlp);
  const Routing routing = route(pass.config, experts, x);
  result.expert_loads = expert_loads(pass.config, routing);
  if (pass.options.with_balance_loss) {
    result.balance_loss = balance_loss(pass.config, routing.scores, pass.documents);
  }
  return moe(experts, routing, x);
}

void add_to(at::Tensor& sum, const at::Tensor& term) {
  if (term.defined()) {
    sum = sum.defined() ? sum + term : term;
  }
}

}  // namespace

PassContext make_pass(const Config& config, const Documents& documents,
                      const ForwardOptions& options, at::ScalarType dtype) {
  if (options.mode != AttentionMode::kDense && !config.is_sparse()) {
    throw base::Error(ErrorCode::kInvalidArgument,
                      "this model is dense and has no indexer to train or to select by; give it "
                      "one first");
  }
  return {config, documents, make_rotary_table(config, documents, dtype), options, std::nullopt};
}

LayerResult forward_layer(PassContext& pass, const LayerWeights& layer, const at::Tensor& hidden) {
  const double eps = pass.config.rms_norm_eps;
  const bool records_model =
      at::GradMode::is_enabled() && pass.options.mode != AttentionMode::kWarmUp;
  LayerResult result;
  at::Tensor x;
  AttentionInputs attention;
  {
    const at::AutoGradMode mode(records_model);
    x = rms_norm(hidden, layer.input_layernorm, eps);
    attention = attention_inputs(pass.config, layer.self_attn, x, pass.rotary);
  }
  if (pass.options.mode != AttentionMode::kDense) {
    run_indexer(pass, layer.self_attn.indexer, x, attention, result);
  }
  const at::AutoGradMode mode(records_model);
  const at::Tensor mixed = attend(pass, attention).flatten(1);
  const at::Tensor after_attention = hidden + at::linear(mixed, layer.self_attn.o_proj);
  const at::Tensor y = rms_norm(after_attention, layer.post_attention_layernorm, eps);
  result.hidden = after_attention + feed_forward(pass, layer, y, result);
  return result;
}

at::Tensor embed(const ModelWeights& weights, const at::Tensor& tokens) {
  const int64_t lowest = tokens.min().item<int64_t>();
  const int64_t highest = tokens.max().item<int64_t>();
  if (lowest < 0 || highest >= weights.config.vocab_size) {
    throw_error(ErrorCode::kInvalidArgument, "",
                "token id {} is outside the model's vocabulary of {}; was the data made with "
                "another tokenizer?",
                lowest < 0 ? lowest : highest, weights.config.vocab_size);
  }
  if (weights.tied_input_scale == 0.0) {
    return at::embedding(weights.embed_tokens, tokens);
  }
  return at::embedding(weights.lm_head, tokens) * weights.tied_input_scale;
}

ForwardResult forward(const ModelWeights& weights, const PackedBatch& batch, const at::Tensor& rows,
                      const ForwardOptions& options) {
  check_documents(batch.documents, batch.tokens.numel(), "the batch");
  PassContext pass =
      make_pass(weights.config, batch.documents, options, weights.norm.scalar_type());
  const bool records_model = at::GradMode::is_enabled() && options.mode != AttentionMode::kWarmUp;
  ForwardResult result;
  at::Tensor hidden;
  {
    const at::AutoGradMode mode(records_model);
    hidden = embed(weights, batch.tokens);
  }
  for (const LayerWeights& layer : weights.layers) {
    LayerResult output = forward_layer(pass, layer, hidden);
    hidden = output.hidden;
    add_to(result.indexer_kl, output.indexer_kl);
    add_to(result.balance_loss, output.balance_loss);
    result.layer_indexer_kl.push_back(output.indexer_kl.defined() ? output.indexer_kl.detach()
                                                                  : at::Tensor());
    result.layer_expert_loads.push_back(output.expert_loads);
  }
  const at::AutoGradMode mode(records_model);
  result.hidden = rms_norm(rows.defined() ? hidden.index_select(0, rows) : hidden, weights.norm,
                           weights.config.rms_norm_eps);
  return result;
}

at::Tensor logits(const ModelWeights& weights, const at::Tensor& hidden) {
  return at::linear(hidden, weights.lm_head);
}

}  // namespace levin::train::nn
