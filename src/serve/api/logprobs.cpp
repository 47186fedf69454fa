#include "serve/api/logprobs.h"

#include <fmt/format.h>

#include <array>
#include <string>
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

}  // namespace

std::vector<runtime::SampledToken> TokenQueue::take(const generation::Delta& delta) {
  if (delta.token.has_value()) {
    waiting_.push_back(*delta.token);
  }
  owed_bytes_ += static_cast<int64_t>(delta.text.size());
  std::vector<runtime::SampledToken> ready;
  size_t taken = 0;
  while (taken < waiting_.size() && owed_bytes_ > 0) {
    owed_bytes_ -= static_cast<int64_t>(tokenizer_.token_bytes(waiting_[taken].token).size());
    ready.push_back(std::move(waiting_[taken]));
    ++taken;
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
  return ready;
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

void CompletionLogprobs::add_token(int32_t token) {
  tokens_.push_back(token_label(token, tokenizer_));
  text_offset_.push_back(offset_);
  for (const char byte : tokenizer_.token_bytes(token)) {
    const bool begins_character = (static_cast<uint8_t>(byte) & 0xC0U) != 0x80U;
    offset_ += begins_character ? 1 : 0;
  }
}

void CompletionLogprobs::add_first(int32_t token, bool is_in_text) {
  add_token(token);
  offset_ = is_in_text ? offset_ : 0;
  token_logprobs_.push_back(nullptr);
  top_logprobs_.push_back(nullptr);
}

void CompletionLogprobs::add(const runtime::SampledToken& sampled) {
  add_token(sampled.token);
  token_logprobs_.push_back(sampled.logprob);
  Json alternatives = Json::object();
  for (const runtime::TokenLogprob& alternative : sampled.top_logprobs) {
    alternatives[token_label(alternative.token, tokenizer_)] = alternative.logprob;
  }
  top_logprobs_.push_back(std::move(alternatives));
}

Json CompletionLogprobs::take() {
  return {{"tokens", std::exchange(tokens_, Json::array())},
          {"token_logprobs", std::exchange(token_logprobs_, Json::array())},
          {"top_logprobs", std::exchange(top_logprobs_, Json::array())},
          {"text_offset", std::exchange(text_offset_, Json::array())}};
}

Json chat_logprobs(const std::vector<runtime::SampledToken>& tokens,
                   const text::Tokenizer& tokenizer) {
  Json list = Json::array();
  for (const runtime::SampledToken& sampled : tokens) {
    Json json = token_json(sampled.token, sampled.logprob, tokenizer);
    Json& alternatives = json["top_logprobs"] = Json::array();
    for (const runtime::TokenLogprob& alternative : sampled.top_logprobs) {
      alternatives.push_back(token_json(alternative.token, alternative.logprob, tokenizer));
    }
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace levin::serve::api
