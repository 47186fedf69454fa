// Bodies of the API's requests: whatever comes is a request or a refusal with a status of 400 or
// 422, and what is accepted keeps its promises.
#include <cmath>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "fuzz_target.h"
#include "serve/api/api_error.h"
#include "serve/api/chat_request.h"
#include "serve/api/completion_request.h"

namespace {

using levin::fuzz::require;
using levin::serve::api::ApiError;

void check_common(const levin::serve::api::CommonFields& common) {
  common.sampling.validate();
  require(!common.model.empty(), "the model has a name");
  require(common.stop.size() <= 16, "at most 16 stop strings");
  for (const std::string& stop : common.stop) {
    require(!stop.empty() && levin::base::is_valid_utf8(stop), "stop strings are text");
  }
  require(common.max_tokens.value_or(0) >= 0, "max_tokens is not negative");
}

void check_chat(std::string_view body) {
  const auto request = levin::serve::api::parse_chat_request(body);
  check_common(request.common);
  require(!request.conversation.messages.empty(), "there are messages");
  for (const auto& message : request.conversation.messages) {
    require(levin::base::is_valid_utf8(message.content), "messages are UTF-8");
  }
}

void check_completion(std::string_view body) {
  constexpr int64_t kVocab = 4096;
  const auto request = levin::serve::api::parse_completion_request(body, kVocab);
  check_common(request.common);
  require(!request.prompts.empty(), "there are prompts");
  for (const auto& prompt : request.prompts) {
    if (const auto* ids = std::get_if<std::vector<int32_t>>(&prompt)) {
      for (const int32_t id : *ids) {
        require(id >= 0 && id < kVocab, "ids are in the vocabulary");
      }
    }
  }
}

template <typename Check>
void expect_request_or_refusal(Check&& check, std::string_view body) {
  try {
    check(body);
  } catch (const ApiError& error) {
    require(error.status() == 400 || error.status() == 422, "refusals are 400 or 422");
    require(!std::string_view(error.what()).empty(), "refusals say why");
    (void)levin::serve::api::error_response(error);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body = levin::fuzz::as_text(data, size);
  expect_request_or_refusal(check_chat, body);
  expect_request_or_refusal(check_completion, body);
  return 0;
}
