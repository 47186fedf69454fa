// The answer to one request on its way to the client: a JSON body or server-sent events.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "serve/accounts/accounts.h"
#include "serve/api/api_error.h"
#include "serve/api/engine_host.h"
#include "serve/api/json.h"
#include "serve/api/metrics.h"
#include "serve/api/spending.h"
#include "serve/api/worker.h"
#include "serve/http/exchange.h"

namespace levin::serve::api {

/// What the request cost, in USD: a header of bodies and a trailer of streams.
inline constexpr const char* kCostHeader = "X-Levin-Cost-Usd";

struct ReplyOptions {
  std::string id;  ///< of the answer, and of the request in the log
  std::string endpoint;
  std::string key_name;  ///< who asks; empty without accounts
  std::string model;     ///< as the client named it
  std::string fingerprint;
  std::string object;        ///< "chat.completion"
  std::string chunk_object;  ///< "chat.completion.chunk"
  int64_t created_unix_s = 0;
  bool streams = false;
  bool include_usage = false;
  bool include_progress = false;
  int64_t choices = 1;                       ///< jobs that answer
  Clock::time_point arrived = Clock::now();  ///< when the request was there with its body
};

/// A choice, or what a chunk of a stream brings of it.
struct Choice {
  Json json;  ///< without `logprobs`
  /// JSON text: as a tree the log-probabilities of a long answer take several times as much.
  std::string logprobs = "null";
};

/// One finished answer, for the log: never content.
struct AnswerRecord {
  std::string_view id;
  std::string_view endpoint;
  std::string_view model;
  std::string_view key_name;  ///< empty without accounts
  const Spending& spending;
  std::string_view cost_usd;  ///< by the price table
  /// How it ended: finish_reason of the last choice, "failed", or "client_gone".
  std::string_view outcome;
};

/// What all replies share; worker and metrics outlive them.
struct ReplyServices {
  Worker& worker;
  Metrics& metrics;
  accounts::Prices prices;
  std::function<void(const AnswerRecord&)> on_answer = {};  ///< on the worker's thread
  /// A client that lags behind its stream is cut off after that.
  std::chrono::milliseconds max_lag{60'000};
};

/// One HTTP answer, fed by one or more jobs. After construction it is used by the host's thread
/// alone, until all choices have ended; then the worker settles the account and ends the answer.
class Reply : public std::enable_shared_from_this<Reply> {
 public:
  /// `admission` null: nobody is charged.
  Reply(std::shared_ptr<http::Responder> responder, ReplyOptions options,
        std::unique_ptr<accounts::Admission> admission, const ReplyServices& services);

  [[nodiscard]] bool streams() const noexcept { return options_.streams; }
  [[nodiscard]] Clock::time_point arrived() const noexcept { return options_.arrived; }

  /// Streams alone: a chunk with this choice.
  void write_choice(const Choice& choice);
  /// Streams alone, and if asked for: a chunk that tells how far the prompt has been read.
  void write_progress(int64_t prompt_tokens_done, int64_t prompt_tokens);
  /// A choice has ended. `choice` is the whole choice, or what the last chunk of a stream holds.
  /// After the last one the answer ends with the usage.
  void end_choice(const Choice& choice, const Spending& spending);
  /// A choice has ended without an answer: the client gets the error instead of what is left, and
  /// the request costs nothing.
  void fail_choice(const base::Error& error, const Spending& spending);

  /// Asked before each step: pauses jobs of a client that reads too slowly (http::kMaxQueuedBytes),
  /// cancels them after max_lag of that, when the client has gone, or when another choice has
  /// failed.
  [[nodiscard]] Wish flow(Clock::time_point now);

 private:
  void end_one(const Spending& spending);
  void complete();
  void settle();
  void report(const Cost& cost) const;
  void begin_stream();
  void write_event(const std::string& data);
  void write_usage_and_end(const Cost& cost);
  void send_body(const Cost& cost);
  [[nodiscard]] Json envelope(const std::string& object) const;
  [[nodiscard]] std::string take_choices(const std::string& object, const Json& rest);

  std::shared_ptr<http::Responder> responder_;
  const ReplyOptions options_;
  std::unique_ptr<accounts::Admission> admission_;
  const ReplyServices services_;

  bool has_begun_ = false;  // the stream
  bool has_failed_ = false;
  std::string finish_reason_;  // of the last choice that ended
  std::optional<Clock::time_point> lags_since_;
  int64_t open_choices_;
  std::map<int64_t, std::string> choices_;  // JSON text by index; of a body: all; of a stream: the
                                            // last one
  Spending spending_;
};

}  // namespace levin::serve::api
