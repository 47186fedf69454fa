// From a parsed request to jobs in the engine: the checks that all endpoints share.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "generation/generator.h"
#include "serve/accounts/accounts.h"
#include "serve/api/answer_job.h"
#include "serve/api/caller.h"
#include "serve/api/engine_host.h"
#include "serve/api/reply.h"
#include "serve/api/served_model.h"
#include "serve/http/exchange.h"
#include "text/tokenizer.h"

namespace levin::serve::api {

/// One answer that a request wants.
struct PlannedAnswer {
  generation::GenerationRequest request;  ///< max_new_tokens from answer_limit
  std::unique_ptr<AnswerWriter> format;
  bool counts_answer = true;  ///< as in AnswerJobOptions
  size_t text_bytes = 0;      ///< of the prompt's text, where the format keeps it
};

class Dispatcher {
 public:
  /// `accounts` may be null; everything outlives the dispatcher.
  Dispatcher(EngineHost& host, const ServedModel& model, accounts::Accounts* accounts,
             const ReplyServices& services)
      : host_(host), model_(model), accounts_(accounts), services_(services) {}

  /// Refuses at once whom dispatch would refuse in any case, so that nobody's body is parsed and
  /// tokenised in vain: a server that stops (503), a full queue (429), a key at its limits (429) or
  /// without money (402). Takes and charges nothing. Throws ApiError.
  void check_open(const Caller& caller) const;

  /// For the encoding of a prompt: ends it with ApiError as soon as the context is too short for it
  /// (as answer_limit does) or the client has gone.
  [[nodiscard]] text::EncodeWatch prompt_watch(const http::Responder& responder) const;

  /// Tokens that an answer may have: `asked`, or `fallback` as far as the context has room; one if
  /// none is asked for, because the engine draws it all the same. Throws ApiError 400
  /// (context_length_exceeded) naming limit, prompt and max_tokens.
  [[nodiscard]] int64_t answer_limit(int64_t prompt_tokens, std::optional<int64_t> asked,
                                     int64_t fallback) const;

  /// Reserves what the request may cost and hands it to the engine. Throws ApiError 402, 429 or
  /// 503, and nothing has been sent then; afterwards `responder` gets the answer.
  void dispatch(const Caller& caller, const std::shared_ptr<http::Responder>& responder,
                ReplyOptions options, std::vector<PlannedAnswer> answers);

 private:
  void require(EngineHost::Admission admission) const;

  EngineHost& host_;
  const ServedModel& model_;
  accounts::Accounts* accounts_;
  const ReplyServices& services_;
};

}  // namespace levin::serve::api
