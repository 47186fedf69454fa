// How much working memory a step takes, reckoned from the configuration.
#pragma once

#include <cstdint>

#include "kernels/context.h"
#include "model/config.h"

namespace levin::model {

/// Rows of absorbed queries that are alive at once: at the real shape one takes 0.6 MB.
inline constexpr int64_t kAbsorbedTile = 128;

/// Expert rows that are alive at once; experts beyond them go into the next group.
inline constexpr int64_t kExpertGroupRows = 4096;

/// The largest step of a run.
struct StepSize {
  kernels::Numerics numerics = kernels::Numerics::kFast;
  bool is_sparse = false;        ///< queries beyond selection_budget read a selection
  int64_t selection_budget = 0;  ///< where is_sparse
  int threads = 1;
  int64_t tokens = 0;          ///< of the step
  int64_t context_tokens = 0;  ///< position behind the step's last token, at most
  int64_t decode_rows = 1;     ///< tokens in decode form: of answers, or of one computed again
  int64_t logits_rows = 1;     ///< rows that give logits
};

/// Anonymous memory of a step: the activations of step.h, the workspace of the largest op and the
/// threads' scratch memory, without cache and weights. Layers of a kind that the model does not
/// have do not count. Under fast numerics nothing here grows with a long context; reference
/// numerics hold keys and values of the whole context in float32 (attention_reference.h), which at
/// a long context is most of the memory in use.
int64_t activation_bytes(const Config& config, const StepSize& size);

}  // namespace levin::model
