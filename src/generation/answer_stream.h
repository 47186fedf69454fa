// Turns the token events of one request into text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "generation/stop_strings.h"
#include "runtime/engine.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"

namespace levin::generation {

/// What one event brought. The texts of all deltas together are the answer.
struct Delta {
  std::string text;                                    ///< whole characters; may be empty
  int64_t prompt_tokens_done = 0;                      ///< of the prompt, cached ones included
  int64_t prompt_tokens_cached = 0;                    ///< found in the cache
  int64_t prompt_tokens_restored = 0;                  ///< of the cached ones, read from disk
  std::optional<runtime::SampledToken> token;          ///< with logprobs as asked for
  std::vector<std::vector<int32_t>> expert_ids;        ///< as in runtime::TokenEvent
  std::vector<runtime::SampledToken> prompt_logprobs;  ///< as in runtime::TokenEvent
};

struct AnswerOptions {
  std::vector<std::string> stop;        ///< stop strings; not part of the text
  std::vector<int32_t> stop_token_ids;  ///< these end the answer and are not part of the text
  bool skip_special = true;             ///< leave special tokens out of the text
};

/// One request's text: detokenises, finds stop strings, collects the answer.
class AnswerStream {
 public:
  /// `tokenizer` must outlive this; null: the deltas carry tokens and no text.
  /// Throws Error(kInvalidArgument) for stop strings that are unusable, or without a tokenizer.
  AnswerStream(const text::Tokenizer* tokenizer, const AnswerOptions& options);

  /// Takes the next event of the request. After a stop string has matched, later tokens are
  /// ignored and a later finish changes nothing.
  [[nodiscard]] Delta take(const runtime::TokenEvent& event);

  /// True once a stop string has matched: the caller cancels the request in the engine.
  [[nodiscard]] bool has_stopped() const noexcept { return stops_.has_matched(); }
  /// The stop string that ended the answer, if one did.
  [[nodiscard]] const std::string& stop_string() const noexcept { return stops_.matched(); }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] const std::vector<int32_t>& tokens() const noexcept { return tokens_; }
  /// Set with the last event.
  [[nodiscard]] std::optional<runtime::FinishReason> finish() const noexcept { return finish_; }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  [[nodiscard]] base::ErrorCode error_code() const noexcept { return error_code_; }

 private:
  [[nodiscard]] bool is_stop_token(int32_t token) const;

  std::optional<text::Detokenizer> detokenizer_;
  StopStrings stops_;
  std::vector<int32_t> stop_token_ids_;
  std::string text_;
  std::vector<int32_t> tokens_;
  std::optional<runtime::FinishReason> finish_;
  std::string error_;
  base::ErrorCode error_code_ = base::ErrorCode::kInternal;
};

}  // namespace levin::generation
