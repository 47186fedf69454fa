// Which rule moves which parameter.
#pragma once

#include <vector>

#include "train/optim/parameter.h"

namespace levin::train::optim {

enum class Group {
  kHidden,   ///< matrices of attention, MLP and experts: Muon, or AdamW with decay
  kRest,     ///< embedding, head, norms, router: AdamW
  kIndexer,  ///< everything of a lightning indexer: an AdamW with a rate of its own
};

/// By official name: "*.indexer.*" is the indexer's; matrices other than embed_tokens, lm_head and
/// mlp.gate are hidden ones; what remains is the rest.
Group group_of(const Parameter& parameter);

/// The parameters of `group` that require gradients, in order.
std::vector<Parameter> members_of(const std::vector<Parameter>& parameters, Group group);

}  // namespace levin::train::optim
