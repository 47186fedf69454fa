#include "cli/chat_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/notice.h"
#include "cli/answer.h"
#include "cli/conversation.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "generation/prompt_ids.h"
#include "text/prompt.h"

namespace levin::cli {
namespace {

using base::ErrorCode;
using text::Role;

/// What /reset forgets.
bool is_turn(const text::ChatMessage& message) { return message.role != Role::kSystem; }

constexpr const char* kHelp =
    "/help          this list\n"
    "/reset         forget the conversation, keep the system prompt\n"
    "/system TEXT   set the system prompt (without TEXT: show it)\n"
    "/save FILE     write the conversation as JSON\n"
    "/load FILE     go on with a saved conversation\n"
    "/stats         figures of the last answer\n"
    "/exit          leave (or Ctrl-D); Ctrl-C stops an answer\n";

/// What the model said after its thinking, if that came to an end.
std::optional<std::string> behind_thinking(const std::string& answer) {
  const size_t end = answer.find(text::markup::kThinkEnd);
  return end == std::string::npos
             ? std::nullopt
             : std::optional(answer.substr(end + text::markup::kThinkEnd.size()));
}

const std::string& require_file(const std::string& argument, const char* command) {
  if (argument.empty()) {
    throw base::Error(ErrorCode::kInvalidArgument, "a file name is missing", command);
  }
  return argument;
}

}  // namespace

ChatSession::ChatSession(runtime::Engine& engine, const text::Tokenizer& tokenizer,
                         text::ChatStyle style, generation::GenerationRequest defaults,
                         bool is_thinking)
    : engine_(engine),
      tokenizer_(tokenizer),
      style_(style),
      defaults_(std::move(defaults)),
      is_thinking_(is_thinking) {}

void ChatSession::set_system(const std::string& prompt) {
  auto& messages = conversation_.messages;
  if (!messages.empty() && messages.front().role == Role::kSystem) {
    messages.erase(messages.begin());
  }
  if (!prompt.empty()) {
    add_message(conversation_, Role::kSystem, prompt);
    std::rotate(messages.begin(), messages.end() - 1, messages.end());
  }
}

void ChatSession::reset() { std::erase_if(conversation_.messages, is_turn); }

bool ChatSession::handle(const std::string& line) {
  const size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos) {
    return true;
  }
  try {
    if (line[begin] != '/') {
      answer(line);
      return true;
    }
    const size_t end = std::min(line.find(' ', begin), line.size());
    const std::string name = line.substr(begin, end - begin);
    if (name == "/exit" || name == "/quit") {
      return false;
    }
    const size_t argument = line.find_first_not_of(" \t", end);
    run_command(name, argument == std::string::npos ? "" : line.substr(argument));
  } catch (const OutputFailed&) {
    throw;
  } catch (const base::Error& error) {
    const bool would_reset_help = error.code() == ErrorCode::kContextTooLong &&
                                  std::ranges::any_of(conversation_.messages, is_turn);
    base::write_notice(fmt::format("levin: error: {}{}", error.what(),
                                   would_reset_help ? "; /reset begins a new conversation" : ""));
  }
  return true;
}

void ChatSession::run_command(std::string_view name, const std::string& argument) {
  if (name == "/help") {
    write_output(kHelp);
  } else if (name == "/reset") {
    reset();
  } else if (name == "/system") {
    if (!argument.empty()) {
      return set_system(argument);
    }
    const auto& messages = conversation_.messages;
    const bool has_system = !messages.empty() && messages.front().role == Role::kSystem;
    write_output((has_system ? messages.front().content : "no system prompt") + "\n");
  } else if (name == "/save") {
    save_conversation(conversation_, require_file(argument, "/save"));
  } else if (name == "/load") {
    conversation_ = load_conversation(require_file(argument, "/load"));
    write_output(fmt::format("{} messages\n", conversation_.messages.size()));
  } else if (name == "/stats") {
    write_output(last_summary_.value_or("no answer yet") + "\n");
  } else {
    base::throw_error(ErrorCode::kInvalidArgument, std::string(name),
                      "there is no such command; /help lists them");
  }
}

void ChatSession::answer(const std::string& message) {
  const text::Conversation before = conversation_;
  add_message(conversation_, Role::kUser, message);
  try {
    generation::PromptIds prompt =
        generation::chat_prompt(tokenizer_, conversation_, {.is_thinking = is_thinking_}, style_);
    warn_about_replacements(prompt.replacements, "message");
    generation::GenerationRequest request = defaults_;
    request.prompt = std::move(prompt.ids);
    const generation::GenerationResult result =
        run_request(engine_, &tokenizer_, request, true, [](const generation::Delta&) {});
    interrupt_token().reset();
    last_summary_ = summarize(result);
    if (result.finish == runtime::FinishReason::kCancelled) {
      base::write_notice("(stopped)");
    }
    if (result.tokens.empty()) {
      conversation_ = before;  // stopped while the prompt was read
      return;
    }
    const std::optional<std::string> said = behind_thinking(result.text);
    if (is_thinking_ && !said.has_value()) {
      conversation_ = before;  // half a thought would be shown to the model as its answer
      base::write_notice(
          "(the thinking did not come to its end: this turn is left out of the conversation)");
      return;
    }
    add_message(conversation_, Role::kAssistant, said.value_or(result.text));
  } catch (...) {
    conversation_ = before;
    throw;
  }
}

}  // namespace levin::cli
