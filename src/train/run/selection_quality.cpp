#include "train/run/selection_quality.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/append_line.h"
#include "train/nn/attention_inputs.h"
#include "train/nn/attention_mass.h"
#include "train/nn/forward.h"
#include "train/nn/layers.h"
#include "train/nn/select_top_k.h"

namespace levin::train::run {
namespace {

/// The last `topk` tokens up to each query, within its document.
nn::Selection select_last(const nn::Documents& documents, int64_t topk) {
  nn::Selection selection{at::full({documents.tokens, topk}, -1, at::kInt)};
  auto* positions = selection.positions.data_ptr<int32_t>();
  for (int64_t document_idx = 0; document_idx < documents.count(); ++document_idx) {
    const int64_t begin = documents.begin(document_idx);
    for (int64_t t = begin; t < documents.end(document_idx); ++t) {
      int32_t* row = positions + t * topk;
      for (int64_t s = std::max(begin, t + 1 - topk); s <= t; ++s) {
        *row++ = static_cast<int32_t>(s);
      }
    }
  }
  return selection;
}

}  // namespace

std::vector<LayerSelection> measure_selection(const nn::ModelWeights& weights,
                                              const TrainingBatch& batch) {
  const at::NoGradGuard no_grad;
  const model::Config& config = weights.config;
  const nn::Documents& documents = batch.pack.documents;
  const at::Tensor rows = batch.is_value.nonzero().squeeze(1);
  std::vector<LayerSelection> layers;
  if (rows.numel() == 0) {
    return layers;
  }
  const int64_t topk = config.indexer.index_topk;
  const nn::Selection last = select_last(documents, topk);
  nn::PassContext pass = nn::make_pass(config, documents, {}, weights.norm.scalar_type());
  at::Tensor hidden = nn::embed(weights, batch.pack.tokens);
  for (const nn::LayerWeights& layer : weights.layers) {
    if (layer.self_attn.indexer.wk.defined()) {
      const at::Tensor x = nn::rms_norm(hidden, layer.input_layernorm, config.rms_norm_eps);
      const nn::AttentionInputs attention =
          nn::attention_inputs(config, layer.self_attn, x, pass.rotary);
      const nn::IndexInputs index =
          nn::index_inputs(config, layer.self_attn.indexer, x, attention.q_low, pass.rotary);
      const nn::Selection chosen =
          nn::select_top_k(index.q, index.k, index.weights, documents, topk);
      const auto mean_kept = [&](const nn::Selection& selection) {
        return nn::attention_mass_kept(attention.q, attention.k, selection, documents,
                                       config.softmax_scale(), rows)
            .mean()
            .item<double>();
      };
      layers.push_back({mean_kept(chosen), mean_kept(last)});
    }
    hidden = nn::forward_layer(pass, layer, hidden).hidden;
  }
  return layers;
}

std::string describe_selection(const std::vector<LayerSelection>& layers, int64_t topk) {
  std::string text =
      fmt::format("attention kept by the indexer / by the last {} tokens, layer by layer:", topk);
  for (const LayerSelection& layer : layers) {
    text += fmt::format(" {:.3f}/{:.3f}", layer.indexer, layer.recency);
  }
  return text;
}

void append_selection(const std::string& path, int64_t step, const std::string& stage,
                      const std::vector<LayerSelection>& layers, int64_t topk) {
  nlohmann::ordered_json line = {{"step", step}, {"stage", stage}, {"index_topk", topk}};
  for (const LayerSelection& layer : layers) {
    line["indexer"].push_back(layer.indexer);
    line["recency"].push_back(layer.recency);
  }
  base::append_line(path, line.dump());
}

}  // namespace levin::train::run
