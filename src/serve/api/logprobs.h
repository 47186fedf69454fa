// Log-probabilities of tokens, handed out together with the text that the tokens became. They are
// collected as JSON text: trees of as many small values are several times as large.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "generation/answer_stream.h"
#include "runtime/sampler.h"
#include "serve/api/json.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"

namespace levin::serve::api {

/// A token and what it added to the text: other than its own bytes if it ends or cuts a character,
/// nothing if it is special.
struct TextToken {
  runtime::SampledToken sampled;
  std::string text;
};

/// Text lags behind tokens (half characters, possible stop strings), and of a stop string neither
/// text nor tokens are shown: so tokens wait here until their text is out. Those without a text of
/// their own go with the text that follows.
class TokenQueue {
 public:
  /// Takes the token of an event; the deltas' texts are what release counts.
  void push(const generation::Delta& delta);

  /// `bytes` more of the text are out: the tokens whose text begins in what is out now.
  [[nodiscard]] std::vector<TextToken> release(size_t bytes);
  /// The end: whatever waits.
  [[nodiscard]] std::vector<TextToken> release_all();
  /// What waits is not told, and the text behind it comes next.
  void drop();

 private:
  struct Waiting {
    TextToken token;
    size_t begin = 0;  // in the text, in bytes
  };
  std::vector<TextToken> take_front(size_t count);

  std::vector<Waiting> waiting_;
  size_t taken_bytes_ = 0;     // of text, by push
  size_t released_bytes_ = 0;  // of text that is out
};

/// The token's text, or "bytes:\xe2\x80" for a part of a character.
[[nodiscard]] std::string token_label(int32_t token, const text::Tokenizer& tokenizer);

/// The form of completions: {"tokens":[],"token_logprobs":[],"top_logprobs":[],"text_offset":[]},
/// where offsets count characters.
class CompletionLogprobs {
 public:
  /// `tokenizer` outlives this.
  explicit CompletionLogprobs(const text::Tokenizer& tokenizer)
      : tokenizer_(tokenizer), prompt_text_(tokenizer) {}

  /// The first token of a prompt, which nothing predicts. `is_in_text` false: the echoed text
  /// begins behind it.
  void add_first(int32_t token, bool is_in_text);
  void add_prompt(const runtime::SampledToken& sampled);
  void add(const TextToken& token);

  [[nodiscard]] bool is_empty() const { return tokens_.empty(); }

  /// What has been added since the last call, as JSON text; offsets go on.
  [[nodiscard]] std::string take();

 private:
  void add_token(int32_t token, std::string_view text);
  void add_scored(const runtime::SampledToken& sampled, std::string_view text);

  const text::Tokenizer& tokenizer_;
  text::Detokenizer prompt_text_;
  int64_t offset_ = 0;
  // Entries of arrays, with commas between them.
  std::string tokens_;
  std::string token_logprobs_;
  std::string top_logprobs_;
  std::string text_offset_;
};

/// Appends the entries of chat's form to `list`, with commas between them:
/// {"token","logprob","bytes","top_logprobs":[...]}
void append_chat_logprobs(const std::vector<TextToken>& tokens, const text::Tokenizer& tokenizer,
                          std::string& list);

}  // namespace levin::serve::api
