#include "runtime/engine_plan.h"

#include <algorithm>

#include "model/forward.h"
#include "runtime/prefill_shares.h"

namespace levin::runtime {

/// Reference numerics round the inputs of FP8 matrices in groups, unless they are re-encoded.
model::LoadOptions load_options(const EngineOptions& options) {
  model::LoadOptions load = options.load;
  load.needs_fp8_groups = options.forward.numerics == model::Numerics::kReference &&
                          options.forward.fp8_activations &&
                          load.encoding == model::WeightEncoding::kAsIs;
  return load;
}

model::StepSize largest_step(const model::Config& config, const EngineOptions& options, int threads,
                             int64_t context_tokens) {
  // One sequence is no longer than the context, several are together.
  const bool has_several = options.most_contexts > 1 || options.cache_bytes > 0;
  const int64_t tokens =
      has_several ? options.chunk_tokens : std::min(options.chunk_tokens, context_tokens);
  return {.numerics = options.forward.numerics,
          .is_sparse = model::reads_selection(config, options.forward),
          .selection_budget = model::selection_budget(config, options.forward.selection),
          .threads = threads,
          .tokens = tokens,
          .context_tokens = context_tokens,
          .decode_rows = has_several ? tokens : 1,
          .logits_rows = options.scores_prompts ? kMostScoredRows : 1};
}

}  // namespace levin::runtime
