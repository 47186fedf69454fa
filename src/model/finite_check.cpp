#include "model/finite_check.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/weights_expected.h"
#include "tensor/weight_matrix.h"

namespace levin::model {
namespace {

// Below this many numbers waking the threads takes longer than the check.
constexpr int64_t kSerialNumbers = int64_t{1} << 18;

/// By the bits: the exponent of NaN and infinity is all ones. No branch, so that it vectorises.
bool is_finite_row(const float* row, int64_t count) {
  constexpr uint32_t kExponent = 0x7F800000;
  uint32_t found = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, row + i, sizeof bits);
    found |= static_cast<uint32_t>((bits & kExponent) == kExponent);
  }
  return found == 0;
}

bool is_finite(base::ThreadPool& pool, TensorView<const float, 2> x) {
  if (x.size() <= kSerialNumbers) {
    bool all = true;
    for (int64_t row = 0; row < x.extent(0); ++row) {
      all = is_finite_row(x.row(row), x.extent(1)) && all;
    }
    return all;
  }
  std::atomic<bool> all = true;
  pool.parallel_for(x.extent(0), [&](int64_t row, int /*thread_idx*/) {
    if (!is_finite_row(x.row(row), x.extent(1))) {
      all.store(false, std::memory_order_relaxed);
    }
  });
  return all;
}

/// A matrix that may be at fault.
struct Suspect {
  std::string name;
  const WeightMatrix* matrix;
};

void add_mlp(const std::string& prefix, const MlpWeights& mlp, std::vector<Suspect>& suspects) {
  suspects.push_back({prefix + "gate_proj.weight", &mlp.gate_proj});
  suspects.push_back({prefix + "up_proj.weight", &mlp.up_proj});
  suspects.push_back({prefix + "down_proj.weight", &mlp.down_proj});
}

std::vector<Suspect> feed_forward_suspects(const std::string& prefix, const LayerWeights& layer) {
  std::vector<Suspect> suspects;
  add_mlp(prefix + "mlp.", layer.mlp, suspects);
  for (size_t expert_idx = 0; expert_idx < layer.moe.experts.size(); ++expert_idx) {
    add_mlp(fmt::format("{}mlp.experts.{}.", prefix, expert_idx), layer.moe.experts[expert_idx],
            suspects);
  }
  add_mlp(prefix + "mlp.shared_experts.", layer.moe.shared_experts, suspects);
  return suspects;
}

/// Matrices that the part does not have are empty.
std::vector<Suspect> suspects_of(const Weights& weights, int64_t layer_idx, Part part) {
  if (part == Part::kEmbedding) {
    return {{"model.embed_tokens.weight", &weights.embed_tokens}};
  }
  if (part == Part::kHead) {
    return {{"lm_head.weight", &weights.lm_head}};
  }
  const std::string prefix = layer_prefix(layer_idx);
  const LayerWeights& layer = weights.layers[static_cast<size_t>(layer_idx)];
  const AttentionWeights& attention = layer.attention;
  const std::string attn = prefix + "self_attn.";
  switch (part) {
    case Part::kQuery:
      return {{attn + "q_proj.weight", &attention.q_proj},
              {attn + "q_a_proj.weight", &attention.q_a_proj},
              {attn + "q_b_proj.weight", &attention.q_b_proj}};
    case Part::kLatent:
      return {{attn + "kv_a_proj_with_mqa.weight", &attention.kv_a_proj}};
    case Part::kIndexKey:
      return {{attn + "indexer.wk.weight", &attention.indexer.wk}};
    case Part::kIndexQuery:
      return {{attn + "indexer.wq_b.weight", &attention.indexer.wq_b}};
    case Part::kIndexWeight:
      return {{attn + "indexer.weights_proj.weight", &attention.indexer.weights_proj}};
    case Part::kAttention:
      return {{attn + "kv_b_proj.weight", &attention.kv_b_proj},
              {attn + "o_proj.weight", &attention.o_proj}};
    case Part::kRouter:
      return {{prefix + "mlp.gate.weight", &layer.moe.gate}};
    default:
      return feed_forward_suspects(prefix, layer);
  }
}

/// Throws if the matrix holds a weight that is not finite.
void search(const Suspect& suspect) {
  const WeightMatrix& matrix = *suspect.matrix;
  std::vector<float> row(static_cast<size_t>(matrix.cols));
  for (int64_t row_idx = 0; row_idx < matrix.rows; ++row_idx) {
    tensor::decode_row(matrix, row_idx, row.data());
    for (size_t col = 0; col < row.size(); ++col) {
      if (!std::isfinite(row[col])) {
        base::throw_error(base::ErrorCode::kInvalidFile, suspect.name,
                          "row {}, column {} is {}, a finite weight is expected; the checkpoint is "
                          "damaged, get it again",
                          row_idx, col, row[col]);
      }
    }
  }
}

std::string describe(int64_t layer_idx, Part part, const std::vector<Suspect>& suspects) {
  if (part == Part::kFeedForward) {
    return layer_prefix(layer_idx) + "mlp";
  }
  return suspects.back().name;
}

}  // namespace

void check_finite(const ModelContext& model, TensorView<const float, 2> x, int64_t layer_idx,
                  Part part) {
  if (is_finite(model.kernels.pool(), x)) {
    return;
  }
  const std::vector<Suspect> suspects = suspects_of(model.weights, layer_idx, part);
  for (const Suspect& suspect : suspects) {
    search(suspect);
  }
  base::throw_error(base::ErrorCode::kInvalidFile, describe(layer_idx, part, suspects),
                    "its output is not finite although its weights are: numbers have grown beyond "
                    "float32; the weights and config.json do not belong together");
}

}  // namespace levin::model
