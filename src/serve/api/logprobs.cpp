#include "serve/api/logprobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.h"

namespace levin::serve::api {
namespace {

Json token_json(int32_t token, float logprob, const text::Tokenizer& tokenizer) {
  const std::string_view bytes = tokenizer.token_bytes(token);
  Json json = {{"token", tokenizer.decode(std::array{token})}, {"logprob", logprob}};
  Json& list = json["bytes"] = Json::array();
  for (const char byte : bytes) {
    list.push_back(static_cast<uint8_t>(byte));
  }
  return json;
}

void append_entry(std::string& list, const Json& entry) {
  list += list.empty() ? "" : ",";
  list += dump(entry);
}

int64_t count_characters(std::string_view text) {
  return std::ranges::count_if(
      text, [](char byte) { return (static_cast<uint8_t>(byte) & 0xC0U) != 0x80U; });
}

}  // namespace

void TokenQueue::push(const generation::Delta& delta) {
  // More may be out than was taken: what was dropped has become text after all.
  taken_bytes_ = std::max(taken_bytes_, released_bytes_);
  if (delta.token.has_value()) {
    waiting_.push_back({{*delta.token, delta.text}, taken_bytes_});
  }
  taken_bytes_ += delta.text.size();
}

std::vector<TextToken> TokenQueue::release(size_t bytes) {
  released_bytes_ += bytes;
  const auto is_out = [this](const Waiting& waiting) { return waiting.begin < released_bytes_; };
  const auto first_left = std::ranges::find_if_not(waiting_, is_out);
  return take_front(static_cast<size_t>(first_left - waiting_.begin()));
}

std::vector<TextToken> TokenQueue::release_all() { return take_front(waiting_.size()); }

void TokenQueue::drop() {
  waiting_.clear();
  released_bytes_ = taken_bytes_;
}

std::vector<TextToken> TokenQueue::take_front(size_t count) {
  std::vector<TextToken> tokens;
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  for (auto waiting = waiting_.begin(); waiting != end; ++waiting) {
    tokens.push_back(std::move(waiting->token));
  }
  waiting_.erase(waiting_.begin(), end);
  return tokens;
}

std::string token_label(int32_t token, const text::Tokenizer& tokenizer) {
  const std::string_view bytes = tokenizer.token_bytes(token);
  if (base::is_valid_utf8(bytes)) {
    return std::string(bytes);
  }
  std::string label = "bytes:";
  for (const char byte : bytes) {
    label += fmt::format("\\x{:02x}", static_cast<uint8_t>(byte));
  }
  return label;
}

void CompletionLogprobs::add_token(int32_t token, std::string_view text) {
  append_entry(tokens_, token_label(token, tokenizer_));
  append_entry(text_offset_, offset_);
  offset_ += count_characters(text);
}

void CompletionLogprobs::add_first(int32_t token, bool is_in_text) {
  add_token(token, prompt_text_.push(token));
  offset_ = is_in_text ? offset_ : 0;
  append_entry(token_logprobs_, nullptr);
  append_entry(top_logprobs_, nullptr);
}

void CompletionLogprobs::add_prompt(const runtime::SampledToken& sampled) {
  add_scored(sampled, prompt_text_.push(sampled.token));
}

void CompletionLogprobs::add(const TextToken& token) {
  offset_ += count_characters(prompt_text_.flush());  // of a character that the prompt cuts
  add_scored(token.sampled, token.text);
}

void CompletionLogprobs::add_scored(const runtime::SampledToken& sampled, std::string_view text) {
  add_token(sampled.token, text);
  append_entry(token_logprobs_, sampled.logprob);
  Json alternatives = Json::object();
  for (const runtime::TokenLogprob& alternative : sampled.top_logprobs) {
    alternatives[token_label(alternative.token, tokenizer_)] = alternative.logprob;
  }
  append_entry(top_logprobs_, alternatives);
}

std::string CompletionLogprobs::take() {
  std::string text;
  const auto append_array = [&text](const char* name, std::string& entries) {
    text.append(text.empty() ? "{\"" : ",\"").append(name).append("\":[");
    text.append(std::exchange(entries, {})).append("]");
  };
  append_array("tokens", tokens_);
  append_array("token_logprobs", token_logprobs_);
  append_array("top_logprobs", top_logprobs_);
  append_array("text_offset", text_offset_);
  return text.append("}");
}

void append_chat_logprobs(const std::vector<TextToken>& tokens, const text::Tokenizer& tokenizer,
                          std::string& list) {
  for (const auto& [sampled, text] : tokens) {
    Json json = token_json(sampled.token, sampled.logprob, tokenizer);
    Json& alternatives = json["top_logprobs"] = Json::array();
    for (const runtime::TokenLogprob& alternative : sampled.top_logprobs) {
      alternatives.push_back(token_json(alternative.token, alternative.logprob, tokenizer));
    }
    append_entry(list, json);
  }
}

}  // namespace levin::serve::api
