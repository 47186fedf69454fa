// The small endpoints: models, balance, tokens, metrics.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "serve/accounts/accounts.h"
#include "serve/api/caller.h"
#include "serve/api/served_model.h"
#include "serve/http/exchange.h"

namespace levin::serve::api {

/// Tokens that one request may have counted or turned back into text.
inline constexpr size_t kMaxTokens = 1'000'000;

/// GET models: the names of the model, each with context and attention in "levin".
[[nodiscard]] std::string models_body(const ServedModel& model);

/// GET models/{name}: the one of them. Throws ApiError 404 (model_not_found) for a name that is not
/// listed.
[[nodiscard]] std::string model_body(const ServedModel& model, std::string_view name);

/// GET user/balance, in DeepSeek's form with amounts of USD as strings. `accounts` null, or a key
/// that is not metered: always available, and no balance is told.
[[nodiscard]] std::string balance_body(const accounts::Accounts* accounts, const Caller& caller);

/// POST tokenize: {"prompt": text} or {"messages": [...], "tools", "thinking"} gives {"count",
/// "max_model_len", "tokens"}. "add_special_tokens" (true): the prompt gets its BOS; the markup of
/// messages is always counted. "return_tokens" (true): the ids are told. Throws ApiError, also for
/// more tokens than kMaxTokens and once the client of `responder` has gone.
[[nodiscard]] std::string tokenize_body(std::string_view request_body, const ServedModel& model,
                                        const http::Responder& responder);

/// POST detokenize: {"tokens": [...]} gives {"prompt": text}. Throws ApiError.
[[nodiscard]] std::string detokenize_body(std::string_view request_body, const ServedModel& model);

}  // namespace levin::serve::api
