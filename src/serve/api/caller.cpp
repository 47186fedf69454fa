#include "serve/api/caller.h"

#include <utility>
#include <variant>

#include "serve/api/api_error.h"

namespace levin::serve::api {
namespace {

using accounts::Refusal;

ApiError refusal_error(const accounts::Refused& refused) {
  switch (refused.reason) {
    case Refusal::kNoKey:
    case Refusal::kUnknownKey:
    case Refusal::kRevokedKey:
      return {401, refused.message, {.type = "", .param = "", .code = "invalid_api_key"}};
    case Refusal::kNoBalance:
      return {402, refused.message, {.type = "", .param = "", .code = "insufficient_balance"}};
    case Refusal::kTooManyAnswers:
      return {422, refused.message, {.type = "", .param = "prompt", .code = "invalid_parameter"}};
    case Refusal::kTooManyRequests:
    case Refusal::kTooManyTokens:
      break;
  }
  return {429,
          refused.message,
          {.type = "", .param = "", .code = "rate_limit_exceeded"},
          refused.retry_after_s};
}

}  // namespace

Caller authenticate(const accounts::Accounts* accounts, const accounts::FixedKeys& keys,
                    const http::Request& request) {
  const std::string_view authorization = http::find_header(request.headers, "Authorization");
  Caller caller;
  if (accounts == nullptr) {
    if (!keys.is_empty() && !keys.is_known(authorization)) {
      throw refusal_error({.reason = Refusal::kUnknownKey,
                           .message = "a key of this server expected: Authorization: Bearer KEY"});
    }
    return caller;
  }
  auto result = accounts->authenticate(authorization);
  if (const auto* refused = std::get_if<accounts::Refused>(&result)) {
    throw refusal_error(*refused);
  }
  caller.key = std::get<accounts::Key>(std::move(result));
  caller.prefix_salt = caller.key->prefix_salt;
  return caller;
}

void check_limits(const accounts::Accounts* accounts, const Caller& caller) {
  if (accounts == nullptr || !caller.key.has_value()) {
    return;
  }
  if (const std::optional<accounts::Refused> refused = accounts->ask(*caller.key)) {
    throw refusal_error(*refused);
  }
}

std::unique_ptr<accounts::Admission> admit(accounts::Accounts* accounts, const Caller& caller,
                                           int64_t prompt_tokens, int64_t max_completion_tokens,
                                           int64_t answers) {
  if (accounts == nullptr || !caller.key.has_value()) {
    return nullptr;
  }
  auto result = accounts->admit(*caller.key, prompt_tokens, max_completion_tokens, answers);
  if (const auto* refused = std::get_if<accounts::Refused>(&result)) {
    throw refusal_error(*refused);
  }
  return std::get<std::unique_ptr<accounts::Admission>>(std::move(result));
}

}  // namespace levin::serve::api
