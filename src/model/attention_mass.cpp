#include "model/attention_mass.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/float_formats.h"
#include "base/thread_pool.h"
#include "kernels/attention.h"
#include "model/attention_reference.h"
#include "tensor/weight_matrix.h"

namespace levin::model {
namespace {

/// A token whose mass is measured.
struct Observed {
  int64_t row = 0;
  int64_t position = 0;
  kernels::KvLayerView kv;
  std::span<const int32_t> selected;
};

std::vector<Observed> observed_tokens(const ModelContext& model, int64_t layer_idx,
                                      const Step& step) {
  std::vector<Observed> observed;
  for (size_t i = 0; i < step.chunks.size(); ++i) {
    const kernels::KvLayerView kv = step.kv(i, layer_idx, model.layout);
    for (int64_t row = step.first_row[i]; row < step.first_row[i] + step.chunk_tokens(i); ++row) {
      const int64_t position = step.positions[static_cast<size_t>(row)];
      if (position % step.trace->mass_stride == 0) {
        observed.push_back({row, position, kv, step.selection.row(row)});
      }
    }
  }
  return observed;
}

/// q . row, in eight sums that the compiler can hold in one register.
template <typename T, typename ToFloat>
float dot(std::span<const float> q, const T* row, ToFloat to_float) {
  std::array<float, 8> sums{};
  size_t i = 0;
  for (; i + sums.size() <= q.size(); i += sums.size()) {
    for (size_t lane = 0; lane < sums.size(); ++lane) {
      sums[lane] += q[i + lane] * to_float(row[i + lane]);
    }
  }
  for (; i < q.size(); ++i) {
    sums[0] += q[i] * to_float(row[i]);
  }
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

float score(std::span<const float> q, const kernels::KvLayerView& kv, int64_t pos) {
  const std::byte* row = kv.latent_row(pos);
  if (kv.layout->latent_bytes == sizeof(float)) {
    return dot(q, reinterpret_cast<const float*>(row), [](float x) { return x; });
  }
  return dot(q, reinterpret_cast<const base::Bf16*>(row),
             [](base::Bf16 x) { return base::to_f32(x); });
}

/// The share of one head: softmax over [0, position], summed over what is read.
double share_kept(std::span<const float> q, const Observed& token, float scale,
                  std::vector<double>& weights) {
  weights.resize(static_cast<size_t>(token.position + 1));
  for (int64_t pos = 0; pos <= token.position; ++pos) {
    weights[static_cast<size_t>(pos)] = static_cast<double>(score(q, token.kv, pos) * scale);
  }
  const double largest = *std::ranges::max_element(weights);
  double all = 0.0;
  for (double& weight : weights) {
    weight = std::exp(weight - largest);
    all += weight;
  }
  double kept = 0.0;
  for (const int32_t pos : token.selected) {
    kept += weights[static_cast<size_t>(pos)];
  }
  return kept / all;
}

/// [q_nope W_UK, q_rope] of one head: what meets the rows of the cache.
void absorb(std::span<const float> q, TensorView<const float, 2> k_up, std::span<float> absorbed) {
  const auto nope = static_cast<size_t>(k_up.extent(0));
  const auto latent = static_cast<size_t>(k_up.extent(1));
  std::ranges::fill(absorbed.first(latent), 0.0F);
  for (size_t i = 0; i < nope; ++i) {
    const float* row = k_up.row(static_cast<int64_t>(i));
    for (size_t c = 0; c < latent; ++c) {
      absorbed[c] += q[i] * row[c];
    }
  }
  std::ranges::copy(q.subspan(nope), absorbed.begin() + static_cast<int64_t>(latent));
}

}  // namespace

void observe_mass(const ModelContext& model, const AttentionWeights& weights, int64_t layer_idx,
                  Step& step) {
  const Config& config = model.config;
  const int64_t heads = config.num_attention_heads;
  const int64_t nope = config.qk_nope_head_dim;
  const std::vector<Observed> observed = observed_tokens(model, layer_idx, step);
  std::vector<double> kept(observed.size() * static_cast<size_t>(heads), 1.0);
  const TensorView<float, 3> q = split_heads(step.activations.q.view(), heads);
  model.kernels.pool().parallel_for(heads, [&](int64_t head, int /*thread*/) {
    Tensor<float, 2> k_up;  // [nope, kv_lora_rank], the head's W_UK
    k_up.resize({nope, config.kv_lora_rank});
    for (int64_t i = 0; i < nope; ++i) {
      tensor::decode_row(weights.kv_b_proj, head * (nope + config.v_head_dim) + i,
                         k_up.view().row(i));
    }
    std::vector<float> absorbed(static_cast<size_t>(config.kv_row_dim()));
    std::vector<double> scratch;
    for (size_t i = 0; i < observed.size(); ++i) {
      const Observed& token = observed[i];
      if (token.selected.empty()) {
        continue;  // reads everything
      }
      absorb({q.row(token.row, head), static_cast<size_t>(config.qk_head_dim())},
             std::as_const(k_up).view(), absorbed);
      kept[i * static_cast<size_t>(heads) + static_cast<size_t>(head)] =
          share_kept(absorbed, token, mla_dims(config).softmax_scale, scratch);
    }
  });
  std::vector<float>& mass = step.layer_trace(layer_idx)->mass_kept;
  mass.assign(static_cast<size_t>(step.tokens), kMassNotMeasured);
  for (size_t i = 0; i < observed.size(); ++i) {
    double sum = 0.0;
    for (int64_t head = 0; head < heads; ++head) {
      sum += kept[i * static_cast<size_t>(heads) + static_cast<size_t>(head)];
    }
    mass[static_cast<size_t>(observed[i].row)] =
        static_cast<float>(std::min(sum / static_cast<double>(heads), 1.0));
  }
}

}  // namespace levin::model
