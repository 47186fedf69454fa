// How good an indexer's selection is, held against the last tokens.
#pragma once

#include <string>
#include <vector>

#include "train/nn/weights.h"
#include "train/run/batch.h"

namespace levin::train::run {

/// Share of the dense attention that a budget of index_topk tokens keeps, as a mean over the
/// queries that look a value up.
struct LayerSelection {
  double indexer = 0.0;  ///< of the indexer's choice
  double recency = 0.0;  ///< of the last tokens
};

/// Per layer with an indexer, hidden states from dense attention. Empty if the batch asks for no
/// value.
std::vector<LayerSelection> measure_selection(const nn::ModelWeights& weights,
                                              const TrainingBatch& batch);

/// "attention kept by the indexer / by the last 64 tokens: 0.98/0.34 0.91/0.50".
std::string describe_selection(const std::vector<LayerSelection>& layers, int64_t topk);

/// Adds a JSON line {"step", "stage", "index_topk", "indexer": [...], "recency": [...]} to the
/// file. Throws Error(kIo).
void append_selection(const std::string& path, int64_t step, const std::string& stage,
                      const std::vector<LayerSelection>& layers, int64_t topk);

}  // namespace levin::train::run
