// One answer: from the tokens of the engine to a choice of the reply.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "generation/answer_stream.h"
#include "generation/generator.h"
#include "serve/api/engine_host.h"
#include "serve/api/metrics.h"
#include "serve/api/reply.h"
#include "serve/api/served_model.h"

namespace levin::serve::api {

/// How an endpoint writes an answer. Used by the host's thread.
class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;

  /// Takes what an event brought; of a stream it writes the chunks to `reply`.
  virtual void take(const generation::Delta& delta, Reply& reply) = 0;
  /// The answer has ended: what was kept back is written, and the rest is returned, for
  /// Reply::end_choice. `reason` is "stop", "length" or "insufficient_system_resource"; a stop
  /// string in what was kept back makes it "stop".
  [[nodiscard]] virtual Choice end(const std::string& reason, Reply& reply) = 0;
  /// True once a stop string has ended the answer. Formats look for them, because they know what of
  /// the model's text is the answer.
  [[nodiscard]] virtual bool has_stopped() const = 0;
  /// Tokens so far that are thinking.
  [[nodiscard]] virtual int64_t reasoning_tokens() const = 0;
};

struct AnswerJobOptions {
  generation::GenerationRequest request;  ///< without stop strings: the format has them
  size_t held_bytes = 0;                  ///< of the prompt, as ids and as text
  uint64_t prefix_salt = 0;
  bool counts_answer = true;  ///< false: the prompt alone is wanted, and one token is drawn in vain
};

class AnswerJob final : public Job {
 public:
  /// `metrics` and what `model` points to outlive the job.
  AnswerJob(AnswerJobOptions options, const ServedModel& model, Metrics& metrics,
            std::unique_ptr<AnswerWriter> format, std::shared_ptr<Reply> reply);

  [[nodiscard]] size_t held_bytes() const override { return held_bytes_; }
  runtime::Request take_request() override;
  Wish on_event(const runtime::TokenEvent& event) override;
  Wish on_tick(Clock::time_point now) override;

 private:
  void note_token(Clock::time_point now);
  void end(const runtime::TokenEvent& event);
  [[nodiscard]] Spending spending(const runtime::TokenEvent& event) const;

  Metrics& metrics_;
  runtime::Request request_;  // until taken
  size_t held_bytes_;
  int64_t prompt_tokens_;
  int64_t index_topk_;  // 0: attends densely
  bool counts_answer_;
  generation::AnswerStream stream_;
  std::unique_ptr<AnswerWriter> format_;
  std::shared_ptr<Reply> reply_;
  bool has_ended_ = false;
  int64_t reported_prompt_tokens_ = -1;
  Clock::time_point arrived_;
  Clock::time_point first_token_;
  Clock::time_point last_token_;
};

}  // namespace levin::serve::api
