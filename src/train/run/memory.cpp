#include "train/run/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/units.h"
#include "train/nn/query_blocks.h"
#include "train/nn/weights.h"
#include "train/optim/muon.h"
#include "train/run/step.h"

namespace levin::train::run {
namespace {

using model::Config;
using recipe::StageKind;
using recipe::StageSettings;

/// Logits, their softmax and gradient of a slice of kHeadRows positions.
constexpr int64_t kHeadCopies = 4;
/// Score matrices of a query block: scores, probabilities, their gradients.
constexpr int64_t kBlockCopies = 4;
/// A gradient of embedding or head on its way into the sum of the parts, and one that waits for it.
constexpr double kTableGradients = 2.0;
/// The program, LibTorch and the corpus.
constexpr int64_t kFixedBytes = int64_t{400} << 20;

/// Rows of one pass of a rank.
int64_t rows_at_a_time(const StageSettings& stage, int64_t ranks) {
  return std::min(stage.rows_per_part(), std::max<int64_t>(1, stage.rows_per_step() / ranks));
}

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
  // The layer that runs holds as much again while it is computed, and twice that while it is
  // differentiated.
  const int64_t copies = kind == StageKind::kWarmUp ? 1 : 2;
  return numbers +
         copies * (attention_numbers(config) + mlp_numbers(config, config.num_hidden_layers - 1));
}

/// Elements of all tensors. Keys of a recipe are bounded one by one: the product of several may
/// exceed an int64_t, hence double, here and in what follows.
struct ParameterCount {
  double all = 0.0;
  double indexer = 0.0;
  double matrices = 0.0;  ///< that the stage's optimizer moves; all else has AdamW
  double largest_matrix = 0.0;
  double table = 0.0;  ///< embedding or head
  bool is_tied = false;
};

ParameterCount count_parameters(const Config& config, bool is_tied) {
  std::map<std::pair<bool, bool>, nn::LayerParameterCount> counts;  // with experts, an indexer
  ParameterCount sum;
  sum.table = static_cast<double>(config.hidden_size) * static_cast<double>(config.vocab_size);
  sum.is_tied = is_tied;
  sum.all = (is_tied ? 1 : 2) * sum.table + static_cast<double>(config.hidden_size);
  for (int64_t layer_idx = 0; layer_idx < config.num_hidden_layers; ++layer_idx) {
    const std::pair kind{
        config.is_moe_layer(layer_idx),
        config.is_sparse() && config.is_full_indexer_layer[static_cast<size_t>(layer_idx)]};
    const auto [found, is_new] = counts.try_emplace(kind);
    if (is_new) {
      found->second = nn::layer_parameter_count(config, layer_idx);
    }
    const nn::LayerParameterCount& layer = found->second;
    sum.all += static_cast<double>(layer.all);
    sum.indexer += static_cast<double>(layer.indexer);
    sum.matrices += static_cast<double>(layer.matrices);
    sum.largest_matrix = std::max(sum.largest_matrix, static_cast<double>(layer.largest_matrix));
  }
  return sum;
}

/// Weights, and gradients and moments of those that the stage trains: frozen ones have neither.
double model_bytes_of(const ParameterCount& count, const StageSettings& stage) {
  constexpr double kAdamWMoments = 2.0;
  if (stage.kind == StageKind::kWarmUp) {
    return kFloatBytes * (count.all + (1.0 + kAdamWMoments) * count.indexer);
  }
  const double moments = stage.optimizer == recipe::OptimizerKind::kMuon ? 1.0 : kAdamWMoments;
  const double trained = count.all - (stage.kind == StageKind::kDense ? count.indexer : 0.0);
  return kFloatBytes * (count.all + trained + moments * count.matrices +
                        kAdamWMoments * (trained - count.matrices));
}

/// What loading and an update take for a while, when there are no activations.
double update_bytes(const ParameterCount& count, const StageSettings& stage) {
  // Two tables that are to be one are compared; AdamW takes the root of a moment.
  double numbers = std::max((count.is_tied ? 4.0 : 1.0) * count.table, count.largest_matrix);
  if (stage.kind != StageKind::kWarmUp && stage.optimizer == recipe::OptimizerKind::kMuon) {
    const double group =
        std::min(count.matrices,
                 std::max(count.largest_matrix, static_cast<double>(optim::kMuonGroupElements)));
    numbers = std::max(numbers, optim::kMuonGroupCopies * group);
  }
  return kFixedBytes + kFloatBytes * numbers;
}

/// Of a step's activations on one of `ranks` ranks, the program included.
double activation_bytes(const Config& config, const ParameterCount& count,
                        const StageSettings& stage, int64_t ranks) {
  const int64_t tokens = rows_at_a_time(stage, ranks) * stage.row_tokens;
  const int64_t head = stage.kind == StageKind::kWarmUp
                           ? 0
                           : std::min(tokens, kHeadRows) * config.vocab_size * kHeadCopies;
  const double numbers =
      static_cast<double>(tokens) * static_cast<double>(activation_numbers(config, stage.kind)) +
      static_cast<double>(head) +
      (stage.kind == StageKind::kWarmUp ? 0.0 : kTableGradients * count.table);
  return static_cast<double>(kFixedBytes + kBlockCopies * nn::kBlockMemoryBytes) +
         kFloatBytes * numbers;
}

/// As a whole number, at most 2^62.
int64_t whole(double bytes) { return static_cast<int64_t>(std::min(bytes, 0x1p62)); }

std::string advice(const MemoryNeed& need, const RankCount& ranks, int64_t available_bytes) {
  if (need.model_bytes > available_bytes / ranks.local) {
    return fmt::format(
        "the model alone takes {} (weights, gradients, optimizer state): make it "
        "smaller in [model]",
        base::format_bytes(need.model_bytes));
  }
  return rows_at_a_time(*need.stage, ranks.all) == 1
             ? "lower row_tokens"
             : "raise accumulation or lower tokens_per_step";
}

}  // namespace

int64_t warmup_row_memory_bytes(const Config& config, int64_t row_tokens) {
  int64_t widest = 0;
  for (int64_t layer_idx = 0; layer_idx < config.num_hidden_layers; ++layer_idx) {
    widest = std::max(widest, mlp_numbers(config, layer_idx));
  }
  const int64_t numbers = indexer_numbers(config) + 2 * (attention_numbers(config) + widest);
  return kFixedBytes + kFloatBytes * row_tokens * numbers + kBlockCopies * nn::kBlockMemoryBytes;
}

MemoryNeed largest_step(const recipe::Recipe& recipe, const Config& config, int64_t first_stage_idx,
                        const RankCount& ranks) {
  const bool is_tied = config.tie_word_embeddings || recipe.model.tied_input_scale != 0.0;
  const ParameterCount count = count_parameters(config, is_tied);
  MemoryNeed most;
  for (auto idx = static_cast<size_t>(first_stage_idx); idx < recipe.stages.size(); ++idx) {
    const StageSettings& stage = recipe.stages[idx];
    const double model_bytes = model_bytes_of(count, stage);
    const int64_t bytes =
        whole(model_bytes + std::max(activation_bytes(config, count, stage, ranks.all),
                                     update_bytes(count, stage)));
    if (most.stage == nullptr || bytes > most.bytes) {
      most = {&stage, bytes, whole(model_bytes)};
    }
  }
  return most;
}

std::string describe_memory(const MemoryNeed& need, const RankCount& ranks,
                            int64_t available_bytes) {
  const int64_t rows = rows_at_a_time(*need.stage, ranks.all);
  return fmt::format(
      "stage \"{}\": a step of {} rows of {} tokens at a time needs about {}{}{}", need.stage->name,
      rows, need.stage->row_tokens, base::format_bytes(need.bytes),
      ranks.local > 1 ? fmt::format(" on each of {} ranks here", ranks.local) : "",
      available_bytes > 0 ? fmt::format(", {} are free", base::format_bytes(available_bytes)) : "");
}

bool fits(const MemoryNeed& need, const RankCount& ranks, int64_t available_bytes) {
  return available_bytes == 0 || need.bytes <= available_bytes / ranks.local;
}

void require_memory(const MemoryNeed& need, const RankCount& ranks, int64_t available_bytes,
                    const std::string& recipe_path, const std::string& how) {
  if (!fits(need, ranks, available_bytes)) {
    base::throw_error(base::ErrorCode::kOutOfMemory, recipe_path, "{}; {}{}{}",
                      describe_memory(need, ranks, available_bytes),
                      advice(need, ranks, available_bytes), how.empty() ? "" : ", ", how);
  }
}

}  // namespace levin::train::run
