// Weights before the first step.
#pragma once

#include <cstdint>

#include "train/nn/weights.h"

namespace levin::train::nn {

/// Matrices start with deviation 1 / sqrt(inputs), embeddings with elements of variance 1, an
/// untied head with deviation 0.02. research_init() below learns look-ups far sooner at small sizes
/// than the defaults.
struct InitOptions {
  uint64_t seed = 0;
  double tied_input_scale = 0.0;  ///< see ModelWeights
  /// Length per dimension of a direction that all input embeddings share. MLA has no biases: only
  /// such a constant lets a head attend by position alone from the start. A shared mean moves all
  /// logits alike, so it costs the output nothing.
  double embedding_mean = 0.0;
  /// o_proj starts with this times its deviation.
  double output_projection = 1.0;
  /// Down-projections of MLP and experts start at 0.
  bool zero_down_projections = false;
  /// Heads 0, 1, ... of layer 0 start as "attend to the token 1, 2, ... before". Needs
  /// embedding_mean and query compression.
  int64_t previous_token_heads = 0;
};

/// How runs begin (docs/training.md, Stages): tie with factor 20 unless the caller changes it,
/// shared mean, o_proj halved, down-projections 0.
InitOptions research_init(uint64_t seed, int64_t previous_token_heads);

/// A fresh model in f32, requiring no gradient. Every element is a function of seed, tensor and
/// place alone. Throws Error(kInvalidArgument) for options that do not fit the config.
ModelWeights init_model(const Config& config, const InitOptions& options);

/// Gives a dense model fresh indexers in the shape of `sparse` (with_indexer in config_json.h) and
/// leaves its other tensors as they are: matrices 1 / sqrt(fan-in), LayerNorm 1 and 0.
void add_indexer(ModelWeights& weights, const Config& sparse, uint64_t seed);

/// The same for a single layer of a model that is too large to hold.
void add_layer_indexer(const Config& sparse, int64_t layer_idx, uint64_t seed, LayerWeights& layer);

}  // namespace levin::train::nn
