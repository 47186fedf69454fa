#include "eval/perplexity.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/thread_pool.h"
#include "model/forward.h"
#include "runtime/session.h"

namespace levin::eval {
namespace {

constexpr int64_t kMinWindowTokens = 4;

/// -log softmax(logits)[token], in nats.
double negative_log_likelihood(std::span<const float> logits, int32_t token) {
  const double largest = *std::ranges::max_element(logits);
  double sum = 0.0;
  for (const float logit : logits) {
    sum += std::exp(static_cast<double>(logit) - largest);
  }
  return std::log(sum) + largest - static_cast<double>(logits[static_cast<size_t>(token)]);
}

/// Sums from which the result is made.
struct Sums {
  double nll = 0.0;
  double squared_nll = 0.0;
  std::vector<double> token_nll;
  int64_t windows = 0;

  [[nodiscard]] PerplexityResult result() const {
    PerplexityResult result;
    const int64_t tokens = std::ssize(token_nll);
    const auto count = static_cast<double>(tokens);
    result.mean_nll = nll / count;
    result.perplexity = std::exp(result.mean_nll);
    if (tokens > 1) {
      const double variance =
          std::max(0.0, squared_nll / count - result.mean_nll * result.mean_nll);
      result.standard_error = result.perplexity * std::sqrt(variance / (count - 1.0));
    }
    result.scored_tokens = tokens;
    result.windows = windows;
    result.token_nll = token_nll;
    return result;
  }
};

/// Position whose prediction is the first that counts.
int64_t first_position(const PerplexityOptions& options) {
  return options.first_position.value_or(options.window_tokens / 2);
}

/// Scores the tokens that follow rows [first, first + rows) of the window, from row `first_scored`
/// on.
void score_rows(runtime::Engine& engine, tensor::TensorView<const float, 2> logits,
                std::span<const int32_t> window, int64_t first, int64_t first_scored, Sums& sums) {
  const auto window_tokens = static_cast<int64_t>(window.size());
  const int64_t begin = std::max(first, first_scored);
  const int64_t end = std::min(first + logits.extent(0), window_tokens - 1);
  if (begin >= end) {
    return;
  }
  std::vector<double> nll(static_cast<size_t>(end - begin));
  engine.context().pool().parallel_for(end - begin, [&](int64_t task_idx, int /*thread*/) {
    const int64_t pos = begin + task_idx;
    const std::span row(logits.row(pos - first), static_cast<size_t>(logits.extent(1)));
    nll[static_cast<size_t>(task_idx)] =
        negative_log_likelihood(row, window[static_cast<size_t>(pos + 1)]);
  });
  for (const double value : nll) {
    sums.nll += value;
    sums.squared_nll += value * value;
  }
  sums.token_nll.insert(sums.token_nll.end(), nll.begin(), nll.end());
}

void run_window(runtime::Engine& engine, runtime::Session& session, std::span<const int32_t> window,
                const PerplexityOptions& options, Sums& sums) {
  const auto window_tokens = static_cast<int64_t>(window.size());
  const int64_t first_scored = first_position(options);
  session.truncate(0);
  for (int64_t first = 0; first < window_tokens; first += options.chunk_tokens) {
    const int64_t count = std::min(options.chunk_tokens, window_tokens - first);
    const bool is_scored = first + count > first_scored;
    const auto& logits =
        session.append(window.subspan(static_cast<size_t>(first), static_cast<size_t>(count)),
                       false, is_scored ? model::LogitsWanted::kAll : model::LogitsWanted::kNone);
    if (is_scored) {
      score_rows(engine, logits.view(), window, first, first_scored, sums);
    }
  }
  ++sums.windows;
}

}  // namespace

void check_perplexity_options(const PerplexityOptions& options, int64_t tokens) {
  if (tokens < kMinWindowTokens) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "text",
                      "has {} tokens, the shortest window has {}; take a longer text", tokens,
                      kMinWindowTokens);
  }
  if (options.window_tokens < kMinWindowTokens || tokens < options.window_tokens) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "--ctx",
                      "a window of {} tokens does not suit a text of {}; wanted {} to {}",
                      options.window_tokens, tokens, kMinWindowTokens, tokens);
  }
  if (first_position(options) < 0 || first_position(options) + 1 >= options.window_tokens) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "--ctx",
                      "windows of {} tokens have none behind position {}; take longer windows",
                      options.window_tokens, first_position(options));
  }
}

PerplexityResult measure_perplexity(runtime::Engine& engine, std::span<const int32_t> tokens,
                                    const PerplexityOptions& options,
                                    base::FunctionRef<void(int64_t done_tokens)> progress) {
  const auto total = static_cast<int64_t>(tokens.size());
  check_perplexity_options(options, total);
  runtime::Session session(engine, options.window_tokens);
  Sums sums;
  for (int64_t begin = 0; begin + options.window_tokens <= total; begin += options.window_tokens) {
    const auto source =
        tokens.subspan(static_cast<size_t>(begin), static_cast<size_t>(options.window_tokens));
    std::vector<int32_t> window(source.begin(), source.end());
    window[0] = options.bos_id.value_or(window[0]);
    run_window(engine, session, window, options, sums);
    progress(begin + options.window_tokens);
  }
  return sums.result();
}

}  // namespace levin::eval
