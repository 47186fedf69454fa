// Options of commands that generate text.
#pragma once

#include "generation/generator.h"

namespace CLI {
class App;
}

namespace levin::cli {

/// --max-tokens, --temperature, --top-k, --top-p, --min-p, the penalties, --seed, --stop and
/// --ignore-eos. The defaults are those in `request`.
void add_sampling_options(CLI::App& command, generation::GenerationRequest& request);

}  // namespace levin::cli
