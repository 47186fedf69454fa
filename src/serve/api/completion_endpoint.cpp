#include "serve/api/completion_endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "generation/prompt_ids.h"
#include "serve/api/api_error.h"
#include "serve/api/completion_format.h"
#include "serve/api/completion_request.h"
#include "serve/api/reply_options.h"
#include "text/prompt.h"

namespace levin::serve::api {
namespace {

// DeepSeek's documented limit of an answer here.
constexpr int64_t kDefaultTokens = 4096;

constexpr std::string_view kFimBegin = "<｜fim▁begin｜>";
constexpr std::string_view kFimHole = "<｜fim▁hole｜>";
constexpr std::string_view kFimEnd = "<｜fim▁end｜>";

/// Prefix, hole, suffix; the model writes what belongs into the hole.
/// Source: DeepSeek-V3 report, section 4.1 (PSM).
std::vector<int32_t> fill_in_prompt(const std::string& prefix, const std::string& suffix,
                                    const ServedModel& model, const text::EncodeWatch& watch) {
  for (const std::string_view mark : {kFimBegin, kFimHole, kFimEnd}) {
    if (!model.tokenizer.id_of(mark).has_value()) {
      throw invalid_parameter("suffix", fmt::format("{} was not made to fill gaps: its tokenizer "
                                                    "lacks {}",
                                                    model.name, mark));
    }
  }
  text::Prompt prompt;
  prompt.markup(text::markup::kBos).markup(kFimBegin).content(prefix);
  prompt.markup(kFimHole).content(suffix).markup(kFimEnd);
  return model.tokenizer.encode(prompt.segments(), watch).ids;
}

std::vector<int32_t> prompt_ids(const CompletionPrompt& prompt, const CompletionRequest& request,
                                const ServedModel& model, const text::EncodeWatch& watch) {
  const auto* text = std::get_if<std::string>(&prompt);
  if (request.suffix.has_value()) {
    if (text == nullptr) {
      throw invalid_parameter("prompt", "text expected together with \"suffix\"");
    }
    return fill_in_prompt(*text, *request.suffix, model, watch);
  }
  return text == nullptr ? std::get<std::vector<int32_t>>(prompt)
                         : generation::text_prompt(model.tokenizer, *text, watch).ids;
}

/// True if the prompt's BOS is one that its text lacks.
bool has_added_bos(const std::string& text, const std::vector<int32_t>& ids,
                   const text::Tokenizer& tokenizer) {
  const std::optional<int32_t> bos = tokenizer.bos_id();
  return bos == ids.front() && !text.starts_with(tokenizer.token_bytes(*bos));
}

/// Takes the prompt out of the request.
PlannedAnswer plan_answer(CompletionRequest& request, size_t prompt_idx, const ServedModel& model,
                          const Dispatcher& dispatcher, const text::EncodeWatch& watch) {
  CompletionPrompt prompt = std::move(request.prompts[prompt_idx]);
  PlannedAnswer answer;
  generation::GenerationRequest& generation = answer.request;
  generation.prompt = prompt_ids(prompt, request, model, watch);
  if (generation.prompt.empty()) {
    throw invalid_parameter("prompt", "at least one token expected");
  }
  generation.sampling = request.common.sampling;
  generation.sampling.top_logprobs = request.logprobs.value_or(-1);
  generation.wants_prompt_logprobs = request.echoes && request.logprobs.has_value();
  const bool drops_answer = request.common.max_tokens == 0;
  answer.counts_answer = !drops_answer;
  generation.max_new_tokens = dispatcher.answer_limit(
      static_cast<int64_t>(generation.prompt.size()), request.common.max_tokens, kDefaultTokens);
  CompletionFormatOptions format{.index = static_cast<int64_t>(prompt_idx),
                                 .stop = request.common.stop,
                                 .echoes = request.echoes,
                                 .prompt_text = {},
                                 .first_prompt_token = generation.prompt.front(),
                                 .echoes_first_token = true,
                                 .wants_logprobs = request.logprobs.has_value(),
                                 .drops_answer = drops_answer};
  if (request.echoes) {
    auto* text = std::get_if<std::string>(&prompt);
    format.echoes_first_token =
        text == nullptr || !has_added_bos(*text, generation.prompt, model.tokenizer);
    format.prompt_text =
        text != nullptr ? std::move(*text) : model.tokenizer.decode(generation.prompt);
    answer.text_bytes = format.prompt_text.size();
  }
  answer.format = std::make_unique<CompletionFormat>(std::move(format), model);
  return answer;
}

}  // namespace

void answer_completion(const http::Request& request,
                       const std::shared_ptr<http::Responder>& responder, const Caller& caller,
                       const ServedModel& model, Dispatcher& dispatcher) {
  CompletionRequest completion = parse_completion_request(request.body, model.config.vocab_size);
  const ModelName name = resolve_model_name(model, completion.common.model);
  if (name.is_thinking) {
    throw invalid_parameter("model", "completions have no thinking mode; ask for deepseek-chat");
  }
  const text::EncodeWatch watch = dispatcher.prompt_watch(*responder);
  std::vector<PlannedAnswer> answers;
  for (size_t i = 0; i < completion.prompts.size(); ++i) {
    answers.push_back(plan_answer(completion, i, model, dispatcher, watch));
    answers.back().request.is_dense = name.is_dense;
  }
  ReplyOptions options = make_reply_options(request, completion.common, model, name);
  options.endpoint = "completions";
  options.object = "text_completion";
  options.chunk_object = "text_completion";
  dispatcher.dispatch(caller, responder, std::move(options), std::move(answers));
}

}  // namespace levin::serve::api
