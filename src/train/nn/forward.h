// One forward pass of the model in training over a pack of documents.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "train/nn/documents.h"
#include "train/nn/rotary.h"
#include "train/nn/selection.h"
#include "train/nn/weights.h"

namespace levin::train::nn {

/// What attention reads and what the indexer learns.
enum class AttentionMode {
  kDense,   ///< all tokens; the indexer is not run
  kWarmUp,  ///< all tokens; the indexer learns where attention goes, nothing else is recorded
  kSparse,  ///< the indexer's selection; the model learns from its loss, the indexer from the KL
};

struct ForwardOptions {
  AttentionMode mode = AttentionMode::kDense;
  /// Compute the sequence-wise balance loss.
  bool with_balance_loss = false;
};

/// Tokens of one step: whole documents, one after another.
struct PackedBatch {
  at::Tensor tokens;  ///< [tokens] i64
  Documents documents;
};

/// What a layer gives beside its output. Tensors that do not apply are undefined.
struct LayerResult {
  at::Tensor hidden;        ///< [tokens, hidden_size], residual stream after the layer
  at::Tensor indexer_kl;    ///< scalar, sum over tokens; gradients reach this layer's indexer alone
  at::Tensor balance_loss;  ///< scalar, sum over tokens (router.h)
  at::Tensor expert_loads;  ///< [n_routed_experts] i64
};

/// What the layers of one pass share.
struct PassContext {
  const Config& config;
  const Documents& documents;
  RotaryTable rotary;
  ForwardOptions options;
  /// Selection of the last layer that has its own indexer.
  std::optional<Selection> selection;
};

/// For passes that hold one layer at a time (a model larger than memory). `dtype` is the weights'.
PassContext make_pass(const Config& config, const Documents& documents,
                      const ForwardOptions& options, at::ScalarType dtype);

/// One layer: norm, attention, residual, norm, MLP or MoE, residual. With kWarmUp `hidden` carries
/// no gradient.
LayerResult forward_layer(PassContext& pass, const LayerWeights& layer, const at::Tensor& hidden);

/// Rows of the (scaled) input embedding. tokens [tokens] i64 -> [tokens, hidden_size]
/// Throws Error(kInvalidArgument) for an id outside the vocabulary.
at::Tensor embed(const ModelWeights& weights, const at::Tensor& tokens);

struct ForwardResult {
  /// [rows, hidden_size], after the final norm, of the chosen rows: input of logits().
  at::Tensor hidden;
  /// Sum of the layers' KL and balance losses, each a scalar summed over tokens; undefined if not
  /// asked for.
  at::Tensor indexer_kl;
  at::Tensor balance_loss;
  /// Per layer, as in LayerResult; undefined where a layer has none. The KLs carry no gradient.
  std::vector<at::Tensor> layer_indexer_kl;
  std::vector<at::Tensor> layer_expert_loads;
};

/// The whole model but its head. `rows` [rows] i64 are positions in the pack; undefined: all.
/// Throws Error(kInvalidArgument) if the documents do not fit the tokens, or if an indexer is
/// wanted from a dense model.
ForwardResult forward(const ModelWeights& weights, const PackedBatch& batch, const at::Tensor& rows,
                      const ForwardOptions& options);

/// hidden [rows, hidden_size] -> logits [rows, vocab_size]
at::Tensor logits(const ModelWeights& weights, const at::Tensor& hidden);

}  // namespace levin::train::nn
