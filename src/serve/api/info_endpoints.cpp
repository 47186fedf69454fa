#include "serve/api/info_endpoints.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "generation/prompt_ids.h"
#include "serve/api/api_error.h"
#include "serve/api/common_fields.h"
#include "serve/api/encode_watch.h"
#include "serve/api/json.h"
#include "serve/api/request_json.h"
#include "text/chat_json.h"

namespace levin::serve::api {
namespace {

using text::JsonValue;

std::vector<int32_t> ids_of_messages(const JsonValue& root, const JsonFields& fields,
                                     const ServedModel& model, const text::EncodeWatch& watch) {
  if (fields.has("prompt")) {
    throw invalid_parameter("prompt", "not available together with \"messages\"");
  }
  const bool is_thinking = read_thinking(fields).value_or(false);
  return generation::chat_prompt(model.tokenizer, text::conversation_from_json(root, ""),
                                 {.is_thinking = is_thinking}, model.style, watch)
      .ids;
}

std::vector<int32_t> ids_of_prompt(const JsonFields& fields, const ServedModel& model,
                                   const text::EncodeWatch& watch) {
  const std::optional<std::string> prompt = fields.string("prompt");
  if (!prompt.has_value()) {
    throw invalid_parameter("prompt", "\"prompt\" or \"messages\" required, and both are missing");
  }
  if (fields.boolean("add_special_tokens").value_or(true)) {
    return generation::text_prompt(model.tokenizer, *prompt, watch).ids;
  }
  return model.tokenizer.encode(*prompt, {.watch = watch}).ids;
}

/// What is told of one of model_names.
Json name_json(const ServedModel& model, const std::string& name) {
  return {{"id", name},
          {"object", "model"},
          {"created", model.created_unix_s},
          {"owned_by", "levin"},
          {"levin",
           {{"model", model.name},
            {"context_tokens", model.context_tokens},
            {"attention", attention_name(resolve_model_name(model, name))},
            {"index_topk", model.config.indexer.index_topk},
            {"can_think", can_think(model)}}}};
}

}  // namespace

std::string models_body(const ServedModel& model) {
  Json list = Json::array();
  for (const std::string& name : model_names(model)) {
    list.push_back(name_json(model, name));
  }
  return dump({{"object", "list"}, {"data", std::move(list)}});
}

std::string model_body(const ServedModel& model, std::string_view name) {
  const std::vector<std::string> names = model_names(model);
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    throw ApiError(404,
                   fmt::format("model: {} is not served here; there are: {}", base::quote(name),
                               fmt::join(names, ", ")),
                   {.type = "", .param = "model", .code = "model_not_found"});
  }
  return dump(name_json(model, *found));
}

std::string balance_body(const accounts::Accounts* accounts, const Caller& caller) {
  if (accounts == nullptr || !caller.key.has_value() || !caller.key->is_metered) {
    return dump({{"is_available", true}, {"balance_infos", Json::array()}});
  }
  const accounts::Balance balance = accounts->balance(*caller.key);
  const Json info = {{"currency", "USD"},
                     {"total_balance", balance.total().to_usd()},
                     {"granted_balance", balance.granted.to_usd()},
                     {"topped_up_balance", balance.topped_up.to_usd()}};
  return dump({{"is_available", balance.available() > accounts::Money()},
               {"balance_infos", Json::array({info})}});
}

std::string tokenize_body(std::string_view request_body, const ServedModel& model,
                          const http::Responder& responder) {
  const text::EncodeWatch watch =
      watch_encoding(responder, static_cast<int64_t>(kMaxTokens),
                     fmt::format("at most {} tokens are counted at once", kMaxTokens));
  const JsonValue root = parse_request_body(request_body);
  const JsonFields fields(root, "");
  const std::vector<int32_t> ids = fields.has("messages")
                                       ? ids_of_messages(root, fields, model, watch)
                                       : ids_of_prompt(fields, model, watch);
  watch(static_cast<int64_t>(ids.size()));
  Json body = {{"count", ids.size()}, {"max_model_len", model.context_tokens}};
  if (fields.boolean("return_tokens").value_or(true)) {
    body["tokens"] = ids;
  }
  return dump(body);
}

std::string detokenize_body(std::string_view request_body, const ServedModel& model) {
  const JsonValue root = parse_request_body(request_body);
  const JsonFields fields(root, "");
  const std::vector<JsonValue>* tokens = fields.array("tokens", kMaxTokens);
  if (tokens == nullptr) {
    throw invalid_parameter("tokens", "required, and missing");
  }
  return dump(
      {{"prompt", model.tokenizer.decode(token_ids(*tokens, "tokens", model.config.vocab_size))}});
}

}  // namespace levin::serve::api
