// The server's log on stderr: one line per exchange and event, never content.
#pragma once

#include <memory>
#include <string>
#include <string_view>

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
  void failure(std::string_view request_id, std::string_view reason);
  void event(std::string_view text);
  void warning(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The line of an exchange, without time and level.
[[nodiscard]] std::string exchange_line(const http::ExchangeRecord& record, bool is_json);

}  // namespace levin::serve
