#include "model/router.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace levin::model {
namespace {

constexpr float kExcluded = -std::numeric_limits<float>::infinity();

std::vector<float> expert_scores(const Config& config, std::span<const float> logits) {
  std::vector<float> scores(logits.begin(), logits.end());
  if (config.scoring_func == ScoringFunc::kSigmoid) {
    for (float& score : scores) {
      score = 1.0F / (1.0F + std::exp(-score));
    }
    return scores;
  }
  const float largest = *std::max_element(scores.begin(), scores.end());
  float sum = 0.0F;
  for (float& score : scores) {
    score = std::exp(score - largest);
    sum += score;
  }
  for (float& score : scores) {
    score /= sum;
  }
  return scores;
}

/// Indices of the `count` largest values, best first; ties go to the lower index, NaN comes last.
std::vector<int32_t> largest(std::span<const float> values, int64_t count) {
  std::vector<int32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  const auto key = [&](int32_t idx) {
    const float value = values[static_cast<size_t>(idx)];
    return std::fmax(value, kExcluded);  // NaN gives -inf
  };
  std::partial_sort(order.begin(), order.begin() + count, order.end(), [&](int32_t a, int32_t b) {
    return key(a) != key(b) ? key(a) > key(b) : a < b;
  });
  order.resize(static_cast<size_t>(count));
  return order;
}

/// Value by which a group competes: its best score, or (routers with a bias) the sum of its two
/// best, of the one it has in a group of one.
float group_value(bool uses_two, std::span<const float> group) {
  float best = kExcluded;
  float second = kExcluded;
  for (const float score : group) {
    if (score > best) {
      second = best;
      best = score;
    } else if (score > second) {
      second = score;
    }
  }
  return uses_two && group.size() > 1 ? best + second : best;
}

/// Sets the scores of every group but the topk_group best to -inf.
void exclude_groups(const Config& config, bool has_bias, std::span<float> choice) {
  const bool uses_two = has_bias || config.topk_method == TopkMethod::kNoauxTc;
  const auto group_size = static_cast<size_t>(config.n_routed_experts / config.n_group);
  std::vector<float> values;
  for (size_t begin = 0; begin < choice.size(); begin += group_size) {
    values.push_back(group_value(uses_two, choice.subspan(begin, group_size)));
  }
  std::vector<bool> keep(values.size(), false);
  for (const int32_t group : largest(values, config.topk_group)) {
    keep[static_cast<size_t>(group)] = true;
  }
  for (size_t expert = 0; expert < choice.size(); ++expert) {
    if (!keep[expert / group_size]) {
      choice[expert] = kExcluded;
    }
  }
}

}  // namespace

void route_token(const Config& config, std::span<const float> logits, std::span<const float> bias,
                 std::span<const int32_t> forced_ids, std::span<int32_t> ids,
                 std::span<float> weights) {
  const std::vector<float> scores = expert_scores(config, logits);
  if (forced_ids.empty()) {
    std::vector<float> choice = scores;
    for (size_t expert = 0; expert < bias.size(); ++expert) {
      choice[expert] += bias[expert];
    }
    if (config.n_group > 1 && config.topk_method != TopkMethod::kGreedy) {
      exclude_groups(config, !bias.empty(), choice);
    }
    std::ranges::copy(largest(choice, config.num_experts_per_tok), ids.begin());
  } else {
    std::ranges::copy(forced_ids, ids.begin());
  }
  float sum = 0.0F;
  for (size_t slot = 0; slot < ids.size(); ++slot) {
    weights[slot] = scores[static_cast<size_t>(ids[slot])];
    sum += weights[slot];
  }
  // Scores that are all zero must not become NaN; a sum of normal size swallows the constant.
  const float norm = config.norm_topk_prob ? 1.0F / (sum + 1e-20F) : 1.0F;
  for (float& weight : weights) {
    weight *= norm * static_cast<float>(config.routed_scaling_factor);
  }
}

}  // namespace levin::model
