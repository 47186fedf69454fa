#include "train/nn/parity_forward.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "train/nn/attention_inputs.h"
#include "train/nn/forward.h"
#include "train/nn/load.h"
#include "train/nn/rotary.h"
#include "train/nn/router.h"
#include "train/nn/simulated_fp8.h"

namespace levin::train::nn {
namespace {

constexpr int64_t kGroup = 128;

/// One layer at work; every line of the official code is one line here.
class ParityLayerRun {
 public:
  ParityLayerRun(const ParityModel& model, const ParityOptions& options, const RotaryTable& rotary,
                 int64_t layer_idx)
      : model_(model),
        config_(model.weights.config),
        layer_(model.weights.layers[static_cast<size_t>(layer_idx)]),
        options_(options),
        rotary_(rotary),
        prefix_(fmt::format("model.layers.{}.", layer_idx)) {}

  ParityLayer run(const at::Tensor& hidden, const at::Tensor& shared_selection) const {
    ParityLayer result;
    result.is_selected = shared_selection;
    const at::Tensor x = normed(hidden, layer_.input_layernorm);
    result.attn_out = attention(x, result);
    const at::Tensor after = hidden + result.attn_out;
    const at::Tensor y = normed(after, layer_.post_attention_layernorm);
    result.hidden = after + feed_forward(y, result);
    return result;
  }

 private:
  at::Tensor normed(const at::Tensor& x, const at::Tensor& weight) const {
    return x * (x.square().mean(-1, true) + config_.rms_norm_eps).rsqrt() * weight;
  }

  at::Tensor quantised(const at::Tensor& x, int64_t group) const {
    return options_.simulates_fp8 ? act_quant(x, group, config_.has_ue8m0_scales) : x;
  }

  /// A linear whose weight is FP8 quantises its input first.
  at::Tensor project(const std::string& name, const at::Tensor& weight, const at::Tensor& x) const {
    const bool is_fp8 = model_.fp8_names.contains(prefix_ + name + ".weight");
    return at::linear(is_fp8 ? quantised(x, kGroup) : x, weight);
  }

  at::Tensor attention(const at::Tensor& x, ParityLayer& result) const {
    const AttentionWeights& w = layer_.self_attn;
    const int64_t tokens = x.size(0);
    at::Tensor q_low;
    at::Tensor q;
    if (config_.q_lora_rank == 0) {
      q = project("self_attn.q_proj", w.q_proj, x);
    } else {
      q_low = normed(project("self_attn.q_a_proj", w.q_a_proj, x), w.q_a_layernorm);
      q = project("self_attn.q_b_proj", w.q_b_proj, q_low);
    }
    const std::vector<at::Tensor> q_parts =
        q.view({tokens, config_.num_attention_heads, -1})
            .split_with_sizes({config_.qk_nope_head_dim, config_.qk_rope_head_dim}, -1);
    const std::vector<at::Tensor> low =
        project("self_attn.kv_a_proj_with_mqa", w.kv_a_proj_with_mqa, x)
            .split_with_sizes({config_.kv_lora_rank, config_.qk_rope_head_dim}, -1);
    at::Tensor latent = normed(low[0], w.kv_a_layernorm);
    if (config_.has_fp8_latent()) {
      latent = quantised(latent, kGroup);
    }
    if (w.indexer.wk.defined()) {
      select(x, q_low, result);
    }
    const at::Tensor scores_rope = at::einsum(
        "thd,sd->ths",
        {rotate_pairs(q_parts[1], rotary_), rotate_pairs(low[1].unsqueeze(1), rotary_).squeeze(1)});
    const at::Tensor prefill = attend(q_parts[0], scores_rope, result.is_selected,
                                      project("self_attn.kv_b_proj", w.kv_b_proj, latent));
    const at::Tensor decode =
        attend(q_parts[0], scores_rope, result.is_selected, at::linear(latent, w.kv_b_proj));
    const int64_t split = options_.prefill_tokens;
    const at::Tensor mixed =
        at::cat({prefill.narrow(0, 0, split), decode.narrow(0, split, tokens - split)});
    return project("self_attn.o_proj", w.o_proj, mixed);
  }

  /// kv [tokens, heads * (nope + v)] -> [tokens, heads * v]
  at::Tensor attend(const at::Tensor& q_nope, const at::Tensor& scores_rope,
                    const at::Tensor& is_selected, const at::Tensor& kv) const {
    const std::vector<at::Tensor> parts =
        kv.view({kv.size(0), config_.num_attention_heads, -1})
            .split_with_sizes({config_.qk_nope_head_dim, config_.v_head_dim}, -1);
    const at::Tensor scores =
        (at::einsum("thd,shd->ths", {q_nope, parts[0]}) + scores_rope) * config_.softmax_scale();
    const at::Tensor masked = scores.masked_fill(is_selected.logical_not().unsqueeze(1),
                                                 -std::numeric_limits<double>::infinity());
    return at::einsum("ths,shd->thd", {masked.softmax(-1), parts[1]}).flatten(1);
  }

  at::Tensor index_vector(const at::Tensor& x) const {
    const int64_t rope = config_.qk_rope_head_dim;
    const std::vector<at::Tensor> parts = x.split_with_sizes({rope, x.size(-1) - rope}, -1);
    const at::Tensor rotated = config_.indexer.indexer_rope_interleave
                                   ? rotate_pairs(parts[0], rotary_)
                                   : rotate_halves(parts[0], rotary_);
    at::Tensor whole = at::cat({rotated, parts[1]}, -1);
    if (!config_.indexer.has_hadamard_fp8 || !options_.simulates_fp8) {
      return whole;
    }
    return quantised(hadamard(whole), std::min(kGroup, config_.indexer.index_head_dim));
  }

  void select(const at::Tensor& x, const at::Tensor& q_low, ParityLayer& result) const {
    const IndexerWeights& w = layer_.self_attn.indexer;
    const model::IndexerConfig& c = config_.indexer;
    const int64_t tokens = x.size(0);
    const at::Tensor q = index_vector(project("self_attn.indexer.wq_b", w.wq_b, q_low)
                                          .view({tokens, c.index_n_heads, c.index_head_dim}));
    const at::Tensor k_plain = project("self_attn.indexer.wk", w.wk, x);
    const at::Tensor centred = k_plain - k_plain.mean(-1, true);
    const at::Tensor k_norm =
        centred * (centred.square().mean(-1, true) + kIndexerNormEps).rsqrt() * w.k_norm_weight +
        w.k_norm_bias;
    const at::Tensor k = index_vector(k_norm.unsqueeze(1)).squeeze(1);
    const at::Tensor head_weights =
        at::linear(x, w.weights_proj) /
        std::sqrt(static_cast<double>(c.index_n_heads * c.index_head_dim));
    const at::Tensor causal = at::ones({tokens, tokens}, at::kBool).tril();
    const at::Tensor scores =
        at::einsum("ths,th->ts", {at::einsum("thd,sd->ths", {q, k}).relu(), head_weights});
    result.index_scores = scores * causal;
    const at::Tensor ranked =
        scores.masked_fill(causal.logical_not(), -std::numeric_limits<double>::infinity());
    // A stable sort gives ties to the lower position.
    const at::Tensor best = std::get<1>(at::sort(ranked, /*stable=*/true, -1, /*descending=*/true))
                                .narrow(1, 0, std::min(c.index_topk, tokens));
    result.is_selected = at::zeros_like(causal).scatter_(1, best, /*value=*/true) & causal;
  }

  at::Tensor mlp(const std::string& name, const MlpWeights& w, const at::Tensor& x) const {
    const at::Tensor gate = project(name + ".gate_proj", w.gate_proj, x);
    const at::Tensor up = project(name + ".up_proj", w.up_proj, x);
    return project(name + ".down_proj", w.down_proj, gate * gate.sigmoid() * up);
  }

  at::Tensor feed_forward(const at::Tensor& x, ParityLayer& result) const {
    if (const auto* dense = std::get_if<MlpWeights>(&layer_.mlp)) {
      return mlp("mlp", *dense, x);
    }
    const MoeWeights& w = std::get<MoeWeights>(layer_.mlp);
    const Routing routing = route(config_, w, x);
    result.experts = routing.experts;
    result.expert_weights = routing.weights;
    at::Tensor y = at::zeros_like(x);
    for (size_t expert_idx = 0; expert_idx < w.experts.size(); ++expert_idx) {
      const at::Tensor is_chosen = routing.experts == static_cast<int64_t>(expert_idx);
      const at::Tensor weight = (routing.weights * is_chosen).sum(-1, true);
      y = y + weight * mlp(fmt::format("mlp.experts.{}", expert_idx), w.experts[expert_idx], x);
    }
    return w.shared_experts.gate_proj.defined() ? y + mlp("mlp.shared_experts", w.shared_experts, x)
                                                : y;
  }

  const ParityModel& model_;
  const Config& config_;
  const LayerWeights& layer_;
  const ParityOptions& options_;
  const RotaryTable& rotary_;
  std::string prefix_;
};

}  // namespace

ParityModel load_parity_model(const std::string& model_dir) {
  LoadOptions options;
  options.dtype = at::kDouble;
  return {load_model(model_dir, options), fp8_weight_names(formats::CheckpointFiles(model_dir))};
}

ParityResult parity_forward(const ParityModel& model, const at::Tensor& tokens,
                            const ParityOptions& options) {
  const at::NoGradGuard no_grad;
  const ModelWeights& weights = model.weights;
  const int64_t count = tokens.numel();
  const RotaryTable rotary = make_rotary_table(weights.config, Documents{{0}, count}, at::kDouble);
  ParityResult result;
  at::Tensor hidden = embed(weights, tokens);
  at::Tensor selection = at::ones({count, count}, at::kBool).tril();
  for (int64_t layer_idx = 0; layer_idx < weights.config.num_hidden_layers; ++layer_idx) {
    result.layers.push_back(
        ParityLayerRun(model, options, rotary, layer_idx).run(hidden, selection));
    hidden = result.layers.back().hidden;
    selection = result.layers.back().is_selected;
  }
  const at::Tensor normed = hidden *
                            (hidden.square().mean(-1, true) + weights.config.rms_norm_eps).rsqrt() *
                            weights.norm;
  result.logits = logits(weights, normed);
  return result;
}

}  // namespace levin::train::nn
