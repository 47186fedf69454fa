#include "runtime/request_check.h"

#include "base/error.h"

namespace levin::runtime {

using base::ErrorCode;

void check_request(const Request& request, int64_t vocab_size, int64_t context_tokens) {
  if (request.prompt.empty()) {
    throw base::Error(ErrorCode::kInvalidArgument,
                      "the prompt is empty; at least one token is needed");
  }
  for (size_t pos = 0; pos < request.prompt.size(); ++pos) {
    if (request.prompt[pos] < 0 || request.prompt[pos] >= vocab_size) {
      base::throw_error(ErrorCode::kInvalidArgument, "",
                        "token {} at position {} of the prompt is outside the model's vocabulary "
                        "of {} tokens",
                        request.prompt[pos], pos, vocab_size);
    }
  }
  if (static_cast<int64_t>(request.prompt.size()) + 1 > context_tokens) {
    base::throw_error(ErrorCode::kContextTooLong, "",
                      "the prompt has {} tokens, and with one token of answer the context holds "
                      "{}; shorten the prompt or load the model with a longer context",
                      request.prompt.size(), context_tokens);
  }
  if (request.max_new_tokens < 0) {
    base::throw_error(ErrorCode::kInvalidArgument, "max_new_tokens",
                      "a number from 0 (until the context is full) up expected, got {}",
                      request.max_new_tokens);
  }
  request.sampling.validate();
}

}  // namespace levin::runtime
