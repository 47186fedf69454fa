#include "serve/api/chat_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace levin::serve::api {

using text::OutputEvent;
using EventKind = text::OutputEvent::Kind;

namespace {

/// Appends to a member that may be missing or null.
void append_text(Json& object, const char* key, const std::string& text) {
  Json& member = object[key];
  if (member.is_string()) {
    member.get_ref<std::string&>() += text;
  } else {
    member = text;
  }
}

}  // namespace

ChatFormat::ChatFormat(ChatFormatOptions options, const ServedModel& model)
    : options_(std::move(options)),
      tokenizer_(model.tokenizer),
      parser_(options_.output),
      stops_(std::exchange(options_.stop, {})) {}

void ChatFormat::take(const generation::Delta& delta, Reply& reply) {
  reasoning_tokens_ += delta.token.has_value() && parser_.is_reasoning() ? 1 : 0;
  if (reply.streams() && !has_begun_ && delta.token.has_value()) {
    begin(reply);
  }
  const std::vector<OutputEvent> events = up_to_stop(parser_.push(delta.text));
  if (options_.wants_logprobs) {
    token_queue_.push(delta);
    take_logprobs(events);
  }
  if (!reply.streams()) {
    take_events(events);
    return;
  }
  for (const OutputEvent& event : events) {
    add_to_delta(event);
  }
  if (!delta_.empty()) {
    write_delta(reply);
  }
}

Choice ChatFormat::end(const std::string& reason, Reply& reply) {
  std::vector<OutputEvent> rest = up_to_stop(parser_.flush());
  if (std::string kept_back = stops_.flush(); !kept_back.empty()) {
    rest.push_back({EventKind::kContent, std::move(kept_back), 0});
  }
  take_logprobs(rest);
  const std::string ending = stops_.has_matched() ? "stop" : reason;
  const bool calls_tools = ending == "stop" && has_calls_ && !parser_.has_cut_call();
  Choice choice{.json = {{"index", 0}}};
  if (reply.streams()) {
    for (const OutputEvent& event : rest) {
      add_to_delta(event);
    }
    if (!delta_.empty()) {
      write_delta(reply);
    }
    choice.json["delta"] = Json::object();
  } else {
    take_events(rest);
    choice.json["message"] = message();
    if (options_.wants_logprobs) {
      choice.logprobs = take_logprobs_text();
    }
  }
  choice.json["finish_reason"] = calls_tools ? "tool_calls" : ending;
  return choice;
}

/// The first chunk, which has the role and no text.
void ChatFormat::begin(Reply& reply) {
  has_begun_ = true;
  delta_ = {{"role", "assistant"}, {"content", ""}};
  if (options_.is_thinking) {
    delta_ = {{"role", "assistant"}, {"content", nullptr}, {"reasoning_content", ""}};
  }
  write_delta(reply);
}

/// The events up to a stop string in the content; the content's end waits if it may become one.
/// None reaches over a call.
std::vector<OutputEvent> ChatFormat::up_to_stop(std::vector<OutputEvent> events) {
  std::vector<OutputEvent> certain;
  for (OutputEvent& event : events) {
    if (stops_.has_matched()) {
      break;
    }
    if (event.kind == EventKind::kContent) {
      event.text = stops_.push(event.text);
    } else {
      certain.push_back({EventKind::kContent, stops_.flush(), 0});
    }
    has_calls_ = has_calls_ || event.kind == EventKind::kCallBegin;
    certain.push_back(std::move(event));
  }
  std::erase_if(certain, [](const OutputEvent& event) {
    return event.kind == EventKind::kContent && event.text.empty();
  });
  return certain;
}

/// The content's tokens are told with their text, and those of tool calls are not.
void ChatFormat::take_logprobs(const std::vector<OutputEvent>& events) {
  size_t content_bytes = 0;
  for (const OutputEvent& event : events) {
    content_bytes += event.kind == EventKind::kContent ? event.text.size() : 0;
  }
  append_chat_logprobs(token_queue_.release(content_bytes), tokenizer_, logprobs_);
  if (has_calls_) {
    token_queue_.drop();
  }
}

void ChatFormat::take_events(const std::vector<OutputEvent>& events) {
  for (const OutputEvent& event : events) {
    add_to_message(event);
  }
}

void ChatFormat::add_to_message(const OutputEvent& event) {
  switch (event.kind) {
    case EventKind::kReasoning:
      reasoning_ += event.text;
      break;
    case EventKind::kContent:
      content_ += event.text;
      break;
    case EventKind::kCallBegin:
      calls_.push_back({{"index", event.call_idx},
                        {"id", call_id(event.call_idx)},
                        {"type", "function"},
                        {"function", {{"name", event.text}, {"arguments", ""}}}});
      break;
    case EventKind::kArguments:
      append_text(calls_.back()["function"], "arguments", event.text);
      break;
    case EventKind::kCallEnd:
      break;
  }
}

/// Pieces of one event become one chunk; two calls, or text and a call, may share it.
void ChatFormat::add_to_delta(const OutputEvent& event) {
  switch (event.kind) {
    case EventKind::kReasoning:
      append_text(delta_, "reasoning_content", event.text);
      break;
    case EventKind::kContent:
      append_text(delta_, "content", event.text);
      break;
    case EventKind::kCallBegin:
      delta_["tool_calls"].push_back({{"index", event.call_idx},
                                      {"id", call_id(event.call_idx)},
                                      {"type", "function"},
                                      {"function", {{"name", event.text}, {"arguments", ""}}}});
      break;
    case EventKind::kArguments: {
      Json& calls = delta_["tool_calls"];
      if (calls.empty() || calls.back()["index"] != event.call_idx) {
        calls.push_back({{"index", event.call_idx}, {"function", {{"arguments", ""}}}});
      }
      append_text(calls.back()["function"], "arguments", event.text);
      break;
    }
    case EventKind::kCallEnd:
      break;
  }
}

void ChatFormat::write_delta(Reply& reply) {
  Choice choice{.json = {{"index", 0},
                         {"delta", std::exchange(delta_, Json::object())},
                         {"finish_reason", nullptr}}};
  if (!logprobs_.empty()) {  // a piece of the content is there, too
    choice.logprobs = take_logprobs_text();
  }
  reply.write_choice(choice);
}

std::string ChatFormat::take_logprobs_text() {
  return "{\"content\":[" + std::exchange(logprobs_, {}) + "]}";
}

std::string ChatFormat::call_id(int call_idx) const {
  return fmt::format("call_{}_{}", options_.call_id_prefix, call_idx);
}

Json ChatFormat::message() const {
  Json message = {{"role", "assistant"}, {"content", content_}};
  if (options_.is_thinking) {
    message["reasoning_content"] = reasoning_;
  }
  if (!calls_.empty()) {
    message["tool_calls"] = calls_;
    if (content_.empty()) {
      message["content"] = nullptr;
    }
  }
  return message;
}

}  // namespace levin::serve::api
