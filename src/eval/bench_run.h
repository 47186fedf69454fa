// Speed of one engine at chosen depths of context.
#pragma once

#include <cstdint>
#include <vector>

#include "base/function_ref.h"
#include "eval/statistics.h"
#include "runtime/engine.h"

namespace levin::eval {

/// How the context before the measured tokens comes to be.
enum class BenchFill {
  kRandom,   ///< random cache rows, at once
  kPrefill,  ///< the model reads random tokens
};

struct BenchOptions {
  std::vector<int64_t> depths;  ///< tokens in the cache before the measured ones
  int64_t chunk_tokens = 512;   ///< of the measured prefill; 0: none
  int64_t decode_tokens = 16;   ///< measured one by one, per repetition; 0: none
  int64_t repetitions = 3;
  BenchFill fill = BenchFill::kRandom;
  uint64_t seed = 1;
};

/// Figures at one depth. Prefill: one sample per repetition. Decode: one per token; a token sees
/// between depth + 1 and depth + decode_tokens tokens.
struct BenchRow {
  int64_t depth_tokens = 0;
  Spread prefill_tokens_per_s;
  Spread decode_ms;
  int64_t decode_read_bytes = 0;  ///< weights and cache that a decode step must read
  double decode_gb_per_s = 0.0;   ///< these bytes over the median
  double read_gb_per_s = 0.0;     ///< what the machine reads at best, measured just before the row
  int64_t latent_rows_read = 0;   ///< by the last decode step, all layers
  int64_t anonymous_bytes = 0;    ///< of the process, after the row
  int64_t peak_resident_bytes = 0;  ///< of the process during the row, mapped files too
};

/// Context that the engine needs for these options.
[[nodiscard]] int64_t bench_context_tokens(const BenchOptions& options);

/// Runs every depth in ascending order, each with one unmeasured chunk and token before. `on_row`
/// gets each row when it is done. Measuring the machine's reads takes 1 GiB for a moment. Throws
/// Error(kContextTooLong | kOutOfMemory | kCancelled).
void run_bench(runtime::Engine& engine, const BenchOptions& options,
               base::FunctionRef<void(const BenchRow& row)> on_row);

}  // namespace levin::eval
