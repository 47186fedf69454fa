#include "eval/mass_run.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "model/forward.h"
#include "runtime/session.h"

namespace levin::eval {
namespace {

/// Adds what the chunk's queries at `first` and behind it keep to the layers' samples.
void collect(const model::Trace& trace, int64_t first, int64_t budget,
             std::vector<std::vector<double>>& layers) {
  layers.resize(trace.layers.size());
  for (size_t layer_idx = 0; layer_idx < layers.size(); ++layer_idx) {
    const std::vector<float>& kept = trace.layers[layer_idx].mass_kept;
    for (size_t row = 0; row < kept.size(); ++row) {
      if (kept[row] != model::kMassNotMeasured && first + static_cast<int64_t>(row) >= budget) {
        layers[layer_idx].push_back(static_cast<double>(kept[row]));
      }
    }
  }
}

/// [layer][query]: what the queries of one window keep.
std::vector<std::vector<double>> run_window(runtime::Session& session,
                                            std::span<const int32_t> window, int64_t budget,
                                            const MassOptions& options) {
  model::Trace trace;
  trace.mass_stride = std::max<int64_t>((std::ssize(window) - budget) / options.queries, 1);
  std::vector<std::vector<double>> layers;
  session.truncate(0);
  for (int64_t first = 0; first < std::ssize(window); first += options.chunk_tokens) {
    const int64_t count = std::min(options.chunk_tokens, std::ssize(window) - first);
    (void)session.append(window.subspan(static_cast<size_t>(first), static_cast<size_t>(count)),
                         false, model::LogitsWanted::kNone, &trace);
    collect(trace, first, budget, layers);
  }
  return layers;
}

}  // namespace

std::vector<LayerMass> measure_mass(runtime::Engine& engine, std::span<const int32_t> tokens,
                                    int64_t budget, const MassOptions& options,
                                    base::FunctionRef<void(int64_t done_tokens)> progress) {
  const int64_t window_tokens = options.window_tokens;
  if (!engine.transformer().is_sparse() || window_tokens <= budget) {
    return {};
  }
  if (std::ssize(tokens) < window_tokens) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "--ctx",
                      "a window of {} tokens does not suit a text of {}", window_tokens,
                      tokens.size());
  }
  runtime::Session session(engine, window_tokens);
  std::vector<std::vector<double>> means;  // [layer][window]
  std::vector<LayerMass> result;
  const int64_t windows = std::min(options.windows, std::ssize(tokens) / window_tokens);
  for (int64_t window_idx = 0; window_idx < windows; ++window_idx) {
    const auto source = tokens.subspan(static_cast<size_t>(window_idx * window_tokens),
                                       static_cast<size_t>(window_tokens));
    std::vector<int32_t> window(source.begin(), source.end());
    window[0] = options.bos_id.value_or(window[0]);
    const auto layers = run_window(session, window, budget, options);
    means.resize(layers.size());
    result.resize(layers.size());
    for (size_t layer_idx = 0; layer_idx < layers.size(); ++layer_idx) {
      const std::vector<double>& kept = layers[layer_idx];
      means[layer_idx].push_back(std::accumulate(kept.begin(), kept.end(), 0.0) /
                                 static_cast<double>(kept.size()));
      result[layer_idx].queries += std::ssize(kept);
    }
    progress((window_idx + 1) * window_tokens);
  }
  for (size_t layer_idx = 0; layer_idx < result.size(); ++layer_idx) {
    Estimate& kept = result[layer_idx].kept;
    kept = mean_of(means[layer_idx]);
    kept.low = std::max(kept.low, 0.0);
    kept.high = std::min(kept.high, 1.0);
  }
  return result;
}

}  // namespace levin::eval
