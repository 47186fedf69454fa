#include "runtime/sampler.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "base/random.h"

namespace levin::runtime {
namespace {

using base::ErrorCode;

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

struct Candidate {
  int32_t token = 0;
  float logit = 0.0F;
  double weight = 0.0;  // exp((logit - largest) / temperature)
};

/// Larger logit first, lower id among equals.
bool ranks_before(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

void require(bool holds, const char* name, const char* range, double got) {
  if (!holds) {
    base::throw_error(ErrorCode::kInvalidArgument, name, "{} expected, got {}", range, got);
  }
}

bool has_penalties(const SamplingParams& params) {
  return params.repetition_penalty != 1.0 || params.frequency_penalty != 0.0 ||
         params.presence_penalty != 0.0;
}

bool is_id(int32_t token, size_t vocab_size) {
  return token >= 0 && static_cast<size_t>(token) < vocab_size;
}

void penalise_repetition(std::vector<float>& logits, std::span<const int32_t> history,
                         double penalty) {
  std::vector<bool> is_seen(logits.size());
  for (const int32_t token : history) {
    if (!is_id(token, logits.size()) || is_seen[static_cast<size_t>(token)]) {
      continue;
    }
    is_seen[static_cast<size_t>(token)] = true;
    float& logit = logits[static_cast<size_t>(token)];
    logit = static_cast<float>(logit > 0.0F ? logit / penalty : logit * penalty);
  }
}

void penalise_counts(std::vector<float>& logits, std::span<const int32_t> generated,
                     const SamplingParams& params) {
  std::unordered_map<int32_t, int64_t> counts;
  for (const int32_t token : generated) {
    ++counts[token];
  }
  for (const auto& [token, count] : counts) {
    if (is_id(token, logits.size())) {
      const double penalty =
          params.frequency_penalty * static_cast<double>(count) + params.presence_penalty;
      float& logit = logits[static_cast<size_t>(token)];
      logit = static_cast<float>(logit - penalty);
    }
  }
}

/// The logits after penalties and mask, in `storage` if they differ from the model's.
std::span<const float> adjust(std::span<const float> logits, const SamplingParams& params,
                              std::span<const int32_t> history, std::span<const int32_t> generated,
                              const TokenMask* mask, std::vector<float>& storage) {
  if (!has_penalties(params) && mask == nullptr) {
    return logits;
  }
  storage.assign(logits.begin(), logits.end());
  if (params.repetition_penalty != 1.0) {
    penalise_repetition(storage, history, params.repetition_penalty);
  }
  if (params.frequency_penalty != 0.0 || params.presence_penalty != 0.0) {
    penalise_counts(storage, generated, params);
  }
  if (mask != nullptr) {
    if (mask->capacity() < static_cast<int64_t>(logits.size())) {
      base::throw_error(ErrorCode::kInvalidArgument, "token mask",
                        "{} tokens expected, the mask has {}", logits.size(), mask->capacity());
    }
    for (size_t token = 0; token < storage.size(); ++token) {
      if (!mask->allows(static_cast<int32_t>(token))) {
        storage[token] = kForbidden;
      }
    }
  }
  return storage;
}

/// The first token with the largest finite logit; -1 if there is none.
int32_t best_token(std::span<const float> logits) {
  int32_t best = -1;
  float best_logit = kForbidden;
  for (size_t token = 0; token < logits.size(); ++token) {
    if (logits[token] > best_logit && std::isfinite(logits[token])) {
      best = static_cast<int32_t>(token);
      best_logit = logits[token];
    }
  }
  return best;
}

[[noreturn]] void throw_nothing_left(std::span<const float> logits) {
  if (best_token(logits) < 0) {
    throw base::Error(ErrorCode::kInvalidFile,
                      "the model's logits hold no finite number; its weights are probably damaged");
  }
  throw base::Error(ErrorCode::kInvalidArgument, "the mask forbids every token", "token mask");
}

double total_weight(const std::vector<Candidate>& candidates) {
  double total = 0.0;
  for (const Candidate& candidate : candidates) {
    total += candidate.weight;
  }
  return total;
}

/// Takes the best until `wanted` of `measure` is reached and drops the rest; the order of the
/// candidates stays. A histogram over the logits finds the few among which the cut lies, so that
/// only these are sorted: 129,280 tokens take a few milliseconds.
template <typename Measure>
void keep_best(std::vector<Candidate>& candidates, double wanted, Measure measure) {
  constexpr size_t kBuckets = 4096;
  const auto [worst, best] = std::ranges::minmax_element(candidates, {}, &Candidate::logit);
  const double largest = best->logit;
  const double per_logit =
      worst->logit < best->logit ? (kBuckets - 1) / (largest - double{worst->logit}) : 0.0;
  const auto bucket_of = [&](const Candidate& candidate) {
    return static_cast<size_t>((largest - double{candidate.logit}) * per_logit);
  };
  std::vector<double> measures(kBuckets);
  for (const Candidate& candidate : candidates) {
    measures[bucket_of(candidate)] += measure(candidate);
  }
  size_t cut_bucket = 0;
  const size_t last_bucket = bucket_of(*worst);
  for (; cut_bucket < last_bucket && measures[cut_bucket] < wanted; ++cut_bucket) {
    wanted -= measures[cut_bucket];
  }
  std::vector<Candidate> ranked;
  std::ranges::copy_if(candidates, std::back_inserter(ranked), [&](const Candidate& candidate) {
    return bucket_of(candidate) == cut_bucket;
  });
  std::ranges::sort(ranked, ranks_before);
  size_t last = 0;
  for (; last + 1 < ranked.size() && measure(ranked[last]) < wanted; ++last) {
    wanted -= measure(ranked[last]);
  }
  std::erase_if(candidates,
                [&](const Candidate& candidate) { return ranks_before(ranked[last], candidate); });
}

/// What the truncated distribution leaves, in order of token ids.
std::vector<Candidate> truncated_distribution(std::span<const float> logits, float largest,
                                              const SamplingParams& params) {
  std::vector<Candidate> candidates;
  candidates.reserve(logits.size());
  for (size_t token = 0; token < logits.size(); ++token) {
    if (std::isfinite(logits[token])) {
      candidates.push_back({static_cast<int32_t>(token), logits[token], 0.0});
    }
  }
  if (params.top_k > 0 && params.top_k < static_cast<int64_t>(candidates.size())) {
    keep_best(candidates, static_cast<double>(params.top_k),
              [](const Candidate& /*candidate*/) { return 1.0; });
  }
  for (Candidate& candidate : candidates) {
    const double exponent =
        (static_cast<double>(candidate.logit) - static_cast<double>(largest)) / params.temperature;
    candidate.weight = static_cast<double>(std::exp(static_cast<float>(exponent)));
  }
  if (params.top_p < 1.0) {
    keep_best(candidates, params.top_p * total_weight(candidates),
              [](const Candidate& candidate) { return candidate.weight; });
  }
  // The best token has weight 1, and weights that are exactly 0 can never be drawn.
  std::erase_if(candidates, [&](const Candidate& candidate) {
    return candidate.weight < params.min_p || candidate.weight == 0.0;
  });
  return candidates;
}

int32_t draw(const std::vector<Candidate>& candidates, double uniform) {
  const double target = uniform * total_weight(candidates);
  double reached = 0.0;
  for (const Candidate& candidate : candidates) {
    reached += candidate.weight;
    if (reached > target) {
      return candidate.token;
    }
  }
  return candidates.back().token;
}

/// Fills the log-probabilities of the model's own distribution.
void add_logprobs(std::span<const float> logits, int64_t top_logprobs, SampledToken& sampled) {
  const float largest = logits[static_cast<size_t>(best_token(logits))];
  std::vector<Candidate> alternatives;
  alternatives.reserve(top_logprobs > 0 ? logits.size() : 0);
  double total = 0.0;
  for (size_t token = 0; token < logits.size(); ++token) {
    if (!std::isfinite(logits[token])) {
      continue;
    }
    total += static_cast<double>(std::exp(logits[token] - largest));
    if (top_logprobs > 0) {
      alternatives.push_back({static_cast<int32_t>(token), logits[token], 0.0});
    }
  }
  const double log_total = static_cast<double>(largest) + std::log(total);
  const auto logprob = [&](float logit) {
    return static_cast<float>(static_cast<double>(logit) - log_total);
  };
  sampled.logprob = logprob(logits[static_cast<size_t>(sampled.token)]);
  const int64_t count = std::min(top_logprobs, static_cast<int64_t>(alternatives.size()));
  std::partial_sort(alternatives.begin(), alternatives.begin() + count, alternatives.end(),
                    ranks_before);
  for (int64_t i = 0; i < count; ++i) {
    const Candidate& alternative = alternatives[static_cast<size_t>(i)];
    sampled.top_logprobs.push_back({alternative.token, logprob(alternative.logit)});
  }
}

}  // namespace

void SamplingParams::validate() const {
  require(std::isfinite(temperature) && temperature >= 0.0, "temperature", "a number from 0 up",
          temperature);
  require(top_k >= 0, "top_k", "a whole number from 0 (off) up", static_cast<double>(top_k));
  require(top_p > 0.0 && top_p <= 1.0, "top_p", "a number above 0 and up to 1 (off)", top_p);
  require(min_p >= 0.0 && min_p <= 1.0, "min_p", "a number from 0 (off) to 1", min_p);
  require(std::isfinite(repetition_penalty) && repetition_penalty > 0.0, "repetition_penalty",
          "a number above 0", repetition_penalty);
  require(std::isfinite(frequency_penalty), "frequency_penalty", "a finite number",
          frequency_penalty);
  require(std::isfinite(presence_penalty), "presence_penalty", "a finite number", presence_penalty);
  require(top_logprobs >= -1, "top_logprobs", "a whole number from 0 up, or -1 for no logprobs",
          static_cast<double>(top_logprobs));
}

SampledToken score(std::span<const float> logits, int32_t token, int32_t top_logprobs) {
  if (best_token(logits) < 0) {
    throw_nothing_left(logits);
  }
  SampledToken scored;
  scored.token = token;
  add_logprobs(logits, top_logprobs, scored);
  return scored;
}

SampledToken sample(std::span<const float> logits, const SamplingParams& params,
                    std::span<const int32_t> history, std::span<const int32_t> generated,
                    int64_t position, const TokenMask* mask) {
  std::vector<float> storage;
  const std::span<const float> adjusted = adjust(logits, params, history, generated, mask, storage);
  const int32_t best = best_token(adjusted);
  if (best < 0) {
    throw_nothing_left(logits);
  }
  SampledToken sampled;
  if (params.temperature == 0.0) {
    sampled.token = best;
    if (params.wants_sampling_mask) {
      sampled.sampling_mask = {best};
    }
  } else {
    const std::vector<Candidate> candidates =
        truncated_distribution(adjusted, adjusted[static_cast<size_t>(best)], params);
    sampled.token =
        draw(candidates, base::random_uniform(params.seed, static_cast<uint64_t>(position)));
    if (params.wants_sampling_mask) {
      for (const Candidate& candidate : candidates) {
        sampled.sampling_mask.push_back(candidate.token);
      }
    }
  }
  if (params.top_logprobs >= 0) {
    add_logprobs(logits, params.top_logprobs, sampled);
  }
  return sampled;
}

}  // namespace levin::runtime
