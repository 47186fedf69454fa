// Answers of completions: plain text, with the prompt in front if asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "generation/stop_strings.h"
#include "serve/api/answer_job.h"
#include "serve/api/logprobs.h"
#include "serve/api/served_model.h"

namespace levin::serve::api {

struct CompletionFormatOptions {
  int64_t index = 0;              ///< of the choice
  std::vector<std::string> stop;  ///< stop strings; not part of the text
  bool echoes = false;
  std::string prompt_text;         ///< with echoes
  int32_t first_prompt_token = 0;  ///< with echoes
  bool echoes_first_token = true;  ///< false: it is a BOS that prompt_text does not have
  bool wants_logprobs = false;
  bool drops_answer = false;  ///< max_tokens 0: the echo is all
};

class CompletionFormat final : public AnswerWriter {
 public:
  /// `model` outlives this. Throws Error(kInvalidArgument) for unusable stop strings.
  CompletionFormat(CompletionFormatOptions options, const ServedModel& model);

  void take(const generation::Delta& delta, Reply& reply) override;
  [[nodiscard]] Choice end(const std::string& reason, Reply& reply) override;
  [[nodiscard]] bool has_stopped() const override { return stops_.has_matched(); }
  [[nodiscard]] int64_t reasoning_tokens() const override { return 0; }

 private:
  void tell(const std::vector<TextToken>& tokens);
  [[nodiscard]] Choice take_choice(const Reply& reply);

  CompletionFormatOptions options_;  // without the texts, which have moved on
  generation::StopStrings stops_;
  TokenQueue token_queue_;
  CompletionLogprobs logprobs_;
  std::string text_;  // not yet written
};

}  // namespace levin::serve::api
