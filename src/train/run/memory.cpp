// How much memory a step needs: an estimate from shapes, held against measurements in the tests.

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/units.h"
#include "train/nn/query_blocks.h"
#include "train/run/model_setup.h"
#include "train/run/step.h"

namespace levin::train::run {
namespace {

using model::Config;
using recipe::StageKind;
using recipe::StageSettings;

constexpr int64_t kFloatBytes = 4;
/// Logits, their softmax and gradient of a slice of kHeadRows positions.
constexpr int64_t kHeadCopies = 4;
/// Score matrices of a query block: scores, probabilities, their gradients.
constexpr int64_t kBlockCopies = 4;
/// The program, LibTorch and the corpus.
constexpr int64_t kFixedBytes = int64_t{400} << 20;

/// Numbers that autograd keeps a token in the attention of a layer.
int64_t attention_numbers(const Config& config) {
  const int64_t heads = config.num_attention_heads;
  const int64_t qk = heads * config.qk_head_dim();
  const int64_t values = heads * config.v_head_dim;
  return 4 * config.hidden_size + 2 * config.q_lora_rank + 2 * config.kv_row_dim() + 3 * qk +
         heads * (config.qk_nope_head_dim + config.v_head_dim) + 2 * values;
}

int64_t indexer_numbers(const Config& config) {
  const model::IndexerConfig& indexer = config.indexer;
  return 3 * (indexer.index_n_heads + 1) * indexer.index_head_dim + 2 * indexer.index_n_heads +
         indexer.index_topk;
}

int64_t mlp_numbers(const Config& config, int64_t layer_idx) {
  if (!config.is_moe_layer(layer_idx)) {
    return 3 * config.intermediate_size;
  }
  const int64_t experts = config.num_experts_per_tok + config.n_shared_experts;
  return experts * (3 * config.moe_intermediate_size + 2 * config.hidden_size) +
         4 * config.n_routed_experts;
}

int64_t activation_numbers(const Config& config, StageKind kind) {
  int64_t numbers = 0;
  for (int64_t layer_idx = 0; layer_idx < config.num_hidden_layers; ++layer_idx) {
    if (kind != StageKind::kWarmUp) {
      numbers += attention_numbers(config) + mlp_numbers(config, layer_idx);
    }
    if (kind != StageKind::kDense) {
      numbers += indexer_numbers(config);
    }
  }
  // The layer that runs holds as much again while it is computed or differentiated.
  return numbers +
         2 * (attention_numbers(config) + mlp_numbers(config, config.num_hidden_layers - 1));
}

}  // namespace

int64_t step_memory_bytes(const Config& config, int64_t parameters, const StageSettings& stage) {
  constexpr int64_t kParameterCopies = 4;  // weights, gradients, two moments
  const int64_t tokens = stage.rows_per_part() * stage.row_tokens;
  const int64_t head = stage.kind == StageKind::kWarmUp
                           ? 0
                           : std::min(tokens, kHeadRows) * config.vocab_size * kHeadCopies;
  const int64_t numbers =
      kParameterCopies * parameters + tokens * activation_numbers(config, stage.kind) + head;
  return kFixedBytes + kFloatBytes * numbers + kBlockCopies * nn::kBlockMemoryBytes;
}

void check_memory(const recipe::Recipe& recipe, const nn::ModelWeights& weights,
                  int64_t available_bytes) {
  Config config = weights.config;
  if (!config.is_sparse()) {
    config.indexer.index_n_heads = recipe.indexer.index_n_heads;
    config.indexer.index_head_dim = recipe.indexer.index_head_dim;
    config.indexer.index_topk = recipe.indexer.index_topk;
  }
  const int64_t parameters = nn::parameter_count(weights);
  const int64_t held_bytes = kFloatBytes * parameters;  // the weights are there already
  for (const StageSettings& stage : recipe.stages) {
    const int64_t needed_bytes = step_memory_bytes(config, parameters, stage) - held_bytes;
    if (needed_bytes > available_bytes) {
      base::throw_error(
          base::ErrorCode::kOutOfMemory, recipe.path,
          "stage \"{}\": a step of {} rows of {} tokens at a time needs about {}, {} are free; "
          "raise accumulation or lower tokens_per_step",
          stage.name, stage.rows_per_part(), stage.row_tokens, base::format_bytes(needed_bytes),
          base::format_bytes(available_bytes));
    }
  }
}

}  // namespace levin::train::run
