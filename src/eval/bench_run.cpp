#include "eval/bench_run.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <span>

#include "base/memory_info.h"
#include "base/random.h"
#include "eval/decode_bytes.h"
#include "kernels/ceilings.h"
#include "model/forward.h"
#include "runtime/session.h"

namespace levin::eval {
namespace {

using model::LogitsWanted;

// Chunks of the unmeasured prefill that fills the context.
constexpr int64_t kFillChunkTokens = 2048;

/// Makes the kernel forget the peak so far, so that each row has its own (Linux; else no effect).
void reset_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }

/// The random tokens of a bench; position decides the token.
class RandomTokens {
 public:
  RandomTokens(int64_t vocab_size, uint64_t seed) : vocab_size_(vocab_size), seed_(seed) {}

  [[nodiscard]] std::vector<int32_t> at(int64_t first_pos, int64_t count) const {
    std::vector<int32_t> tokens;
    for (int64_t pos = first_pos; pos < first_pos + count; ++pos) {
      const double uniform = base::random_uniform(seed_, static_cast<uint64_t>(pos));
      tokens.push_back(static_cast<int32_t>(uniform * static_cast<double>(vocab_size_)));
    }
    return tokens;
  }

 private:
  int64_t vocab_size_;
  uint64_t seed_;
};

/// One session that grows from depth to depth.
class Bench {
 public:
  Bench(runtime::Engine& engine, const BenchOptions& options)
      : engine_(engine),
        options_(options),
        tokens_(engine.config().vocab_size, options.seed),
        session_(engine, bench_context_tokens(options)) {}

  BenchRow measure(int64_t depth_tokens);

 private:
  /// Seconds that a step of `count` tokens at the session's end takes.
  double step_s(int64_t count, bool is_decode) {
    const std::vector<int32_t> tokens = tokens_.at(session_.tokens(), count);
    const auto start = std::chrono::steady_clock::now();
    session_.append(tokens, is_decode, LogitsWanted::kLast);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  void fill_to(int64_t depth_tokens);

  runtime::Engine& engine_;
  const BenchOptions& options_;
  RandomTokens tokens_;
  runtime::Session session_;
};

void Bench::fill_to(int64_t depth_tokens) {
  if (options_.fill == BenchFill::kRandom) {
    session_.fill_random(depth_tokens - session_.tokens(), options_.seed);
    return;
  }
  while (session_.tokens() < depth_tokens) {
    step_s(std::min(kFillChunkTokens, depth_tokens - session_.tokens()), false);
  }
}

BenchRow Bench::measure(int64_t depth_tokens) {
  BenchRow row;
  row.read_gb_per_s = kernels::measure_read_gb_per_s(engine_.context());
  reset_peak_memory();
  fill_to(depth_tokens);
  std::vector<double> prefill_samples;
  std::vector<double> decode_samples;
  row.depth_tokens = depth_tokens;
  // Repetition -1 is not measured: it pages in weights and grows the buffers.
  for (int64_t repetition = -1; repetition < options_.repetitions; ++repetition) {
    const bool is_measured = repetition >= 0;
    if (options_.chunk_tokens > 0) {
      const double seconds = step_s(options_.chunk_tokens, false);
      session_.truncate(depth_tokens);
      if (is_measured) {
        prefill_samples.push_back(static_cast<double>(options_.chunk_tokens) / seconds);
      }
    }
    for (int64_t i = 0; i < (is_measured ? options_.decode_tokens : 1); ++i) {
      const double seconds = step_s(1, true);
      if (is_measured) {
        decode_samples.push_back(1e3 * seconds);
      }
    }
    row.latent_rows_read = session_.last_step().latent_rows_read;
    session_.truncate(depth_tokens);
  }
  row.prefill_tokens_per_s = spread_of(prefill_samples);
  row.decode_ms = spread_of(decode_samples);
  const bool is_sparse = engine_.transformer().is_sparse();
  row.decode_read_bytes =
      decode_weight_bytes(engine_.config(), engine_.weights(), is_sparse, depth_tokens + 1) +
      decode_cache_bytes(engine_.config(), engine_.transformer().kv_layout(), is_sparse,
                         depth_tokens + 1);
  if (row.decode_ms.median > 0.0) {
    row.decode_gb_per_s = static_cast<double>(row.decode_read_bytes) * 1e-6 / row.decode_ms.median;
  }
  const base::ProcessMemory memory = base::process_memory();
  row.anonymous_bytes = memory.anonymous_bytes;
  row.peak_resident_bytes = memory.peak_resident_bytes;
  return row;
}

}  // namespace

int64_t bench_context_tokens(const BenchOptions& options) {
  const int64_t deepest = options.depths.empty() ? 0 : std::ranges::max(options.depths);
  return deepest + std::max(options.chunk_tokens, std::max<int64_t>(options.decode_tokens, 1));
}

void run_bench(runtime::Engine& engine, const BenchOptions& options,
               base::FunctionRef<void(const BenchRow& row)> on_row) {
  std::vector<int64_t> depths = options.depths;
  std::ranges::sort(depths);
  Bench bench(engine, options);
  for (const int64_t depth_tokens : depths) {
    on_row(bench.measure(depth_tokens));
  }
}

}  // namespace levin::eval
