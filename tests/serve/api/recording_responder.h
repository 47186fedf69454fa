// A client that remembers what it was sent.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "serve/http/exchange.h"

namespace levin::serve::api::testing {

/// Every function may be called from any thread.
class RecordingResponder : public http::Responder {
 public:
  void send(http::Response response) override;
  void expect_long_wait(http::LongWait wait, std::string trailer) override;
  void start_stream(int status, std::string content_type, http::Headers headers) override;
  void write(std::string piece) override;
  void finish(std::string trailer_value) override;
  [[nodiscard]] size_t queued_bytes() const override;
  [[nodiscard]] bool is_closed() const override;

  /// What the test plays: the client goes, or does not read. A request whose client has not read
  /// from the first stays in the queue; of a stream that has begun nobody knows how far it is.
  void close();
  void set_reading(bool is_reading);

  /// Waits for the end of the answer; fails the test after two minutes.
  void wait();
  /// Waits until at least `bytes` of a stream have come, or its end.
  void wait_for_bytes(size_t bytes);

  [[nodiscard]] std::optional<http::LongWait> long_wait() const;
  [[nodiscard]] int status() const;
  [[nodiscard]] std::string body() const;
  [[nodiscard]] http::Headers headers() const;
  /// The header behind a stream that has ended.
  [[nodiscard]] std::pair<std::string, std::string> trailer() const;
  [[nodiscard]] bool is_done() const;
  /// The body as JSON.
  [[nodiscard]] nlohmann::json json() const;
  /// The data of the stream's events, without the last "[DONE]"; fails the test if that is missing.
  [[nodiscard]] std::vector<nlohmann::json> events() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  http::Response response_;  // of a stream: its body so far
  std::pair<std::string, std::string> trailer_;
  std::optional<http::LongWait> long_wait_;
  bool is_done_ = false;
  bool is_closed_ = false;
  bool is_reading_ = true;
};

}  // namespace levin::serve::api::testing
