// Answers of chat/completions: thinking, content and tool calls.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "generation/stop_strings.h"
#include "serve/api/answer_job.h"
#include "serve/api/logprobs.h"
#include "serve/api/served_model.h"
#include "text/output_parser.h"

namespace levin::serve::api {

struct ChatFormatOptions {
  text::OutputOptions output;
  std::vector<std::string> stop;  ///< stop strings, of the content alone; not part of it
  bool is_thinking = false;       ///< the message has `reasoning_content`
  bool wants_logprobs = false;
  std::string call_id_prefix;  ///< ids of tool calls are this and their number
};

class ChatFormat final : public AnswerWriter {
 public:
  /// `model` outlives this. Throws Error(kInvalidArgument) for unusable stop strings.
  ChatFormat(ChatFormatOptions options, const ServedModel& model);

  void take(const generation::Delta& delta, Reply& reply) override;
  [[nodiscard]] Choice end(const std::string& reason, Reply& reply) override;
  [[nodiscard]] bool has_stopped() const override { return stops_.has_matched(); }
  [[nodiscard]] int64_t reasoning_tokens() const override { return reasoning_tokens_; }

 private:
  void begin(Reply& reply);
  [[nodiscard]] std::vector<text::OutputEvent> up_to_stop(std::vector<text::OutputEvent> events);
  void take_logprobs(const std::vector<text::OutputEvent>& events);
  void take_events(const std::vector<text::OutputEvent>& events);
  void add_to_message(const text::OutputEvent& event);
  void add_to_delta(const text::OutputEvent& event);
  void write_delta(Reply& reply);
  [[nodiscard]] std::string take_logprobs_text();
  [[nodiscard]] std::string call_id(int call_idx) const;
  [[nodiscard]] Json message() const;

  ChatFormatOptions options_;  // without the stop strings, which have moved on
  const text::Tokenizer& tokenizer_;
  text::OutputParser parser_;
  generation::StopStrings stops_;
  TokenQueue token_queue_;
  int64_t reasoning_tokens_ = 0;
  bool has_calls_ = false;

  // Streams: what has not been written yet.
  bool has_begun_ = false;
  Json delta_ = Json::object();
  std::string logprobs_;  // JSON text of the entries; of a body: all

  // Bodies: the message so far.
  std::string reasoning_;
  std::string content_;
  Json calls_ = Json::array();
};

}  // namespace levin::serve::api
