// What a request must be before the engine queues it.
#pragma once

#include <cstdint>

#include "runtime/engine.h"

namespace levin::runtime {

/// Throws Error(kInvalidArgument) for an empty prompt, ids outside [0, vocab_size), a negative
/// max_new_tokens and unusable sampling, Error(kContextTooLong) if prompt and one token exceed
/// `context_tokens`.
void check_request(const Request& request, int64_t vocab_size, int64_t context_tokens);

}  // namespace levin::runtime
