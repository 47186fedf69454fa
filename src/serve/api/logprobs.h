// Log-probabilities of tokens, handed out together with the text that the tokens became.
#pragma once

#include <cstdint>
#include <vector>

#include "generation/answer_stream.h"
#include "runtime/sampler.h"
#include "serve/api/json.h"
#include "text/tokenizer.h"

namespace levin::serve::api {

/// Text lags behind tokens (half characters, possible stop strings), and of a stop string neither
/// text nor tokens are shown: so tokens wait here until their text is out.
class TokenQueue {
 public:
  /// `tokenizer` outlives this.
  explicit TokenQueue(const text::Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  /// Takes the token of an event and returns the tokens whose text is out now.
  [[nodiscard]] std::vector<runtime::SampledToken> take(const generation::Delta& delta);

 private:
  const text::Tokenizer& tokenizer_;
  std::vector<runtime::SampledToken> waiting_;
  int64_t owed_bytes_ = 0;  // of text that is out, beyond the tokens that were handed out
};

/// The token's text, or "bytes:\xe2\x80" for a part of a character.
[[nodiscard]] std::string token_label(int32_t token, const text::Tokenizer& tokenizer);

/// The form of completions: {"tokens":[],"token_logprobs":[],"top_logprobs":[],"text_offset":[]},
/// where offsets count characters.
class CompletionLogprobs {
 public:
  explicit CompletionLogprobs(const text::Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  /// The first token of a prompt, which nothing predicts. `is_in_text` false: the echoed text
  /// begins behind it.
  void add_first(int32_t token, bool is_in_text);
  void add(const runtime::SampledToken& sampled);

  /// What has been added since the last call; offsets go on.
  [[nodiscard]] Json take();

 private:
  void add_token(int32_t token);

  const text::Tokenizer& tokenizer_;
  int64_t offset_ = 0;
  Json tokens_ = Json::array();
  Json token_logprobs_ = Json::array();
  Json top_logprobs_ = Json::array();
  Json text_offset_ = Json::array();
};

/// Chat's form: [{"token","logprob","bytes","top_logprobs":[...]}]
[[nodiscard]] Json chat_logprobs(const std::vector<runtime::SampledToken>& tokens,
                                 const text::Tokenizer& tokenizer);

}  // namespace levin::serve::api
