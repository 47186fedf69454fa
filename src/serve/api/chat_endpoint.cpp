#include "serve/api/chat_endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "serve/api/api_error.h"
#include "serve/api/chat_format.h"
#include "serve/api/chat_request.h"
#include "serve/api/output_shape.h"
#include "serve/api/reply_options.h"
#include "text/prompt.h"

namespace levin::serve::api {
namespace {

// Source: DeepSeek's API documentation, autumn 2025.
constexpr int64_t kDefaultChatTokens = 4096;
constexpr int64_t kDefaultReasonerTokens = 32768;

/// Thinking as the request or the model's name says. Throws ApiError for what does not go together.
bool resolve_thinking(const ChatRequest& request, const ModelName& name, const ServedModel& model) {
  const bool is_thinking = request.is_thinking.value_or(name.is_thinking);
  if (is_thinking && !can_think(model)) {
    throw invalid_parameter("thinking", fmt::format("{} has no thinking mode", model.name));
  }
  if (is_thinking && request.wants_logprobs) {
    throw invalid_parameter("logprobs", "not available in thinking mode");
  }
  return is_thinking;
}

/// In thinking mode temperature, top_p and penalties are accepted and have no effect; the values
/// are those that DeepSeek publishes in generation_config.json, a file that is not read.
runtime::SamplingParams resolve_sampling(const ChatRequest& request, bool is_thinking) {
  runtime::SamplingParams sampling = request.common.sampling;
  if (is_thinking) {
    sampling = {.temperature = 1.0, .top_p = 0.95, .seed = request.common.sampling.seed};
  }
  sampling.top_logprobs = request.wants_logprobs ? request.top_logprobs : -1;
  return sampling;
}

/// True if the model's output begins inside of thinking: of the two tags the opening one is last.
bool ends_in_thinking(const std::vector<int32_t>& ids, const text::Tokenizer& tokenizer) {
  const auto begin = tokenizer.id_of(text::markup::kThinkBegin);
  const auto end = tokenizer.id_of(text::markup::kThinkEnd);
  const auto last =
      std::find_if(ids.rbegin(), ids.rend(), [&](int32_t id) { return id == begin || id == end; });
  return last != ids.rend() && begin == *last;
}

}  // namespace

void answer_chat(const http::Request& request, const std::shared_ptr<http::Responder>& responder,
                 const Caller& caller, const ServedModel& model, Dispatcher& dispatcher) {
  ChatRequest chat = parse_chat_request(request.body);
  const ModelName name = resolve_model_name(model, chat.common.model);
  const bool is_thinking = resolve_thinking(chat, name, model);
  if (chat.tool_choice.kind == ToolChoice::Kind::kNone) {
    chat.conversation.tools.clear();
  }
  const text::Prompt prompt =
      text::encode_chat(chat.conversation, {.is_thinking = is_thinking}, model.style);
  PlannedAnswer answer;
  answer.request.prompt =
      model.tokenizer.encode(prompt.segments(), dispatcher.prompt_watch(*responder)).ids;
  answer.request.sampling = resolve_sampling(chat, is_thinking);
  answer.request.is_dense = name.is_dense;
  answer.request.max_new_tokens = dispatcher.answer_limit(
      static_cast<int64_t>(answer.request.prompt.size()), chat.common.max_tokens,
      is_thinking ? kDefaultReasonerTokens : kDefaultChatTokens);
  const bool begins_with_reasoning = ends_in_thinking(answer.request.prompt, model.tokenizer);
  answer.request.constraint = make_answer_constraint(chat, begins_with_reasoning, model);
  answer.format = std::make_unique<ChatFormat>(
      ChatFormatOptions{.output = {.style = model.style,
                                   .begins_with_reasoning = begins_with_reasoning,
                                   .reads_calls = !chat.conversation.tools.empty()},
                        .stop = std::move(chat.common.stop),
                        .is_thinking = is_thinking,
                        .wants_logprobs = chat.wants_logprobs,
                        .call_id_prefix = request.id},
      model);
  ReplyOptions options = make_reply_options(request, chat.common, model, name);
  options.endpoint = "chat/completions";
  options.object = "chat.completion";
  options.chunk_object = "chat.completion.chunk";
  std::vector<PlannedAnswer> answers;
  answers.push_back(std::move(answer));
  dispatcher.dispatch(caller, responder, std::move(options), std::move(answers));
}

}  // namespace levin::serve::api
