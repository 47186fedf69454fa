#include "train/nn/previous_token_heads.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "train/nn/rotary.h"

namespace levin::train::nn {
namespace {

constexpr double kSlowestFrequency = 0.04;
constexpr double kStrength = 1.5;  // measured at the two sizes below
constexpr double kMeasuredHiddenSize = 128.0;
constexpr double kMeasuredHeadDim = 64.0;
/// The heads' other queries start weaker, so that position decides.
constexpr double kNopeFactor = 0.3;

}  // namespace

void set_previous_token_heads(const Config& config, const at::Tensor& direction, int64_t heads,
                              AttentionWeights& attention) {
  const at::NoGradGuard no_grad;
  const at::Tensor unit = direction / direction.norm();
  const std::vector<double> frequencies = rotary_frequencies(config);
  const double strength = kStrength * kMeasuredHiddenSize /
                          static_cast<double>(config.hidden_size) *
                          std::sqrt(static_cast<double>(config.qk_head_dim()) / kMeasuredHeadDim);

  attention.q_a_proj[0].copy_(unit);
  const at::Tensor k_rope =
      attention.kv_a_proj_with_mqa.narrow(0, config.kv_lora_rank, config.qk_rope_head_dim);
  k_rope.zero_();
  const at::Tensor q =
      attention.q_b_proj.view({config.num_attention_heads, config.qk_head_dim(), -1})
          .narrow(0, 0, heads);
  q.narrow(1, 0, config.qk_nope_head_dim).mul_(kNopeFactor);
  const at::Tensor q_rope = q.narrow(1, config.qk_nope_head_dim, config.qk_rope_head_dim);
  q_rope.zero_();
  for (size_t pair = 0; pair < frequencies.size(); ++pair) {
    if (frequencies[pair] <= kSlowestFrequency) {
      continue;
    }
    const auto even = static_cast<int64_t>(2 * pair);
    k_rope[even].copy_(unit);
    for (int64_t head_idx = 0; head_idx < heads; ++head_idx) {
      // Rotated back by the offset: the query of t looks like the key of t - offset.
      const double angle = static_cast<double>(head_idx + 1) * frequencies[pair];
      q_rope[head_idx][even][0].fill_(strength * std::cos(angle));
      q_rope[head_idx][even + 1][0].fill_(-strength * std::sin(angle));
    }
  }
}

}  // namespace levin::train::nn
