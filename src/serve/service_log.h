// The server's log on stderr: one line per exchange and event, never content.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "serve/api/reply.h"
#include "serve/http/server_options.h"

namespace levin::serve {

/// Lines are written by a thread of their own, so that a stderr that nobody reads holds no request
/// up; then the oldest lines are dropped.
class ServiceLog {
 public:
  /// `is_json`: {"time","level","event",...} per line; else words for people.
  explicit ServiceLog(bool is_json);
  ~ServiceLog();
  ServiceLog(const ServiceLog&) = delete;
  ServiceLog& operator=(const ServiceLog&) = delete;

  void exchange(const http::ExchangeRecord& record);
  void answer(const api::AnswerRecord& record);
  void failure(std::string_view request_id, std::string_view reason);
  /// The server answers for a model from now on.
  void listening(std::string_view url, std::string_view model_dir, std::string_view keys);
  void event(std::string_view text);
  void warning(std::string_view text);
  void error(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The lines of an exchange and of an answer, without time and level.
[[nodiscard]] std::string exchange_line(const http::ExchangeRecord& record, bool is_json);
[[nodiscard]] std::string answer_line(const api::AnswerRecord& record, bool is_json);

}  // namespace levin::serve
