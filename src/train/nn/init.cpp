#include "train/nn/init.h"

#include <ATen/ATen.h>

#include <cmath>

#include "base/error.h"
#include "base/fnv1a.h"
#include "base/random.h"
#include "train/nn/previous_token_heads.h"

namespace levin::train::nn {
namespace {

using base::ErrorCode;
using base::throw_error;

/// Streams of random numbers beside those of the tensors, which are hashes of their names.
constexpr uint64_t kMeanStream = 1;

constexpr double kUntiedHeadStd = 0.02;

/// Normal numbers, mean 0.
at::Tensor normal(uint64_t seed, uint64_t stream, const std::vector<int64_t>& shape, double std) {
  at::Tensor values = at::empty(shape, at::kFloat);
  float* data = values.data_ptr<float>();
  const uint64_t key = base::random_bits(seed, stream);
  for (int64_t place = 0; place < values.numel(); ++place) {
    data[place] = static_cast<float>(std * base::random_normal(key, static_cast<uint64_t>(place)));
  }
  return values;
}

/// The direction that all input embeddings share, elements of variance 1. [hidden_size]
at::Tensor shared_direction(const Config& config, const InitOptions& options) {
  return normal(options.seed, kMeanStream, {config.hidden_size}, 1.0);
}

at::Tensor embedding(const Config& config, const InitOptions& options, const TensorSpec& spec) {
  const bool is_tied = options.tied_input_scale != 0.0;
  const bool is_head = spec.name == "lm_head.weight";
  if (!is_tied && is_head) {
    return normal(options.seed, base::fnv1a(spec.name), spec.shape, kUntiedHeadStd);
  }
  const at::Tensor values = normal(options.seed, base::fnv1a(spec.name), spec.shape, 1.0);
  const at::Tensor input = values + shared_direction(config, options) * options.embedding_mean;
  return is_tied ? input / options.tied_input_scale : input;
}

at::Tensor initial(const Config& config, const InitOptions& options, const TensorSpec& spec) {
  switch (spec.role) {
    case TensorRole::kEmbedding:
      return embedding(config, options, spec);
    case TensorRole::kNorm:
      return at::ones(spec.shape, at::kFloat);
    case TensorRole::kIndexerNorm:
      return spec.name.ends_with(".bias") ? at::zeros(spec.shape, at::kFloat)
                                          : at::ones(spec.shape, at::kFloat);
    case TensorRole::kRouterBias:
      return at::zeros(spec.shape, at::kFloat);
    case TensorRole::kMatrix:
    case TensorRole::kRouter:
    case TensorRole::kIndexer:
      break;
  }
  if (options.zero_down_projections && spec.name.ends_with("down_proj.weight")) {
    return at::zeros(spec.shape, at::kFloat);
  }
  const double factor = spec.name.ends_with("o_proj.weight") ? options.output_projection : 1.0;
  const double fan_in_std = 1.0 / std::sqrt(static_cast<double>(spec.shape.back()));
  return normal(options.seed, base::fnv1a(spec.name), spec.shape, factor * fan_in_std);
}

void check_options(const Config& config, const InitOptions& options) {
  if (options.previous_token_heads == 0) {
    return;
  }
  if (options.previous_token_heads > config.num_attention_heads) {
    throw_error(ErrorCode::kInvalidArgument, "",
                "{} previous-token heads are asked for, but a layer has {} attention heads",
                options.previous_token_heads, config.num_attention_heads);
  }
  if (config.q_lora_rank == 0 || options.embedding_mean == 0.0) {
    throw_error(ErrorCode::kInvalidArgument, "",
                "previous-token heads need query compression (q_lora_rank) and a shared mean of "
                "the embeddings");
  }
}

}  // namespace

InitOptions research_init(uint64_t seed, int64_t previous_token_heads) {
  InitOptions options;
  options.seed = seed;
  options.tied_input_scale = 20.0;
  options.embedding_mean = 1.0;
  options.output_projection = 0.5;
  options.zero_down_projections = true;
  options.previous_token_heads = previous_token_heads;
  return options;
}

ModelWeights init_model(const Config& config, const InitOptions& options) {
  check_options(config, options);
  const at::NoGradGuard no_grad;
  InitOptions used = options;
  if (config.tie_word_embeddings) {
    used.tied_input_scale = 1.0;
  }
  ModelWeights weights;
  weights.config = config;
  weights.tied_input_scale = used.tied_input_scale;
  visit_tensors(weights, [&](const TensorSpec& spec, at::Tensor& tensor) {
    tensor = initial(config, used, spec);
  });
  if (used.previous_token_heads > 0) {
    set_previous_token_heads(config, shared_direction(config, used), used.previous_token_heads,
                             weights.layers.front().self_attn);
  }
  return weights;
}

void add_indexer(ModelWeights& weights, const Config& sparse, uint64_t seed) {
  weights.config = sparse;
  for (int64_t layer_idx = 0; layer_idx < sparse.num_hidden_layers; ++layer_idx) {
    add_layer_indexer(sparse, layer_idx, seed, weights.layers.at(layer_idx));
  }
}

void add_layer_indexer(const Config& sparse, int64_t layer_idx, uint64_t seed,
                       LayerWeights& layer) {
  const at::NoGradGuard no_grad;
  InitOptions options;
  options.seed = seed;
  visit_layer(sparse, layer_idx, layer, [&](const TensorSpec& spec, at::Tensor& tensor) {
    if (is_indexer(spec.role)) {
      tensor = initial(sparse, options, spec);
    }
  });
}

}  // namespace levin::train::nn
