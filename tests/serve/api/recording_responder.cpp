#include "recording_responder.h"

#include <gtest/gtest.h>

#include <chrono>
#include <utility>

#include "serve/http/server_options.h"

namespace levin::serve::api::testing {

constexpr std::chrono::minutes kPatience{2};

void RecordingResponder::send(http::Response response) {
  const std::lock_guard lock(mutex_);
  EXPECT_FALSE(is_done_) << "one answer a request";
  response_ = std::move(response);
  is_done_ = true;
  changed_.notify_all();
}

void RecordingResponder::expect_long_wait(http::LongWait wait, std::string trailer) {
  const std::lock_guard lock(mutex_);
  long_wait_ = wait;
  trailer_.first = std::move(trailer);
}

std::optional<http::LongWait> RecordingResponder::long_wait() const {
  const std::lock_guard lock(mutex_);
  return long_wait_;
}

void RecordingResponder::start_stream(int status, std::string content_type, http::Headers headers) {
  const std::lock_guard lock(mutex_);
  EXPECT_FALSE(is_done_);
  response_.status = status;
  response_.content_type = std::move(content_type);
  response_.headers = std::move(headers);
}

void RecordingResponder::write(std::string piece) {
  const std::lock_guard lock(mutex_);
  EXPECT_FALSE(is_done_);
  response_.body += piece;
  changed_.notify_all();
}

void RecordingResponder::finish(std::string trailer_value) {
  const std::lock_guard lock(mutex_);
  EXPECT_FALSE(is_done_);
  trailer_.second = std::move(trailer_value);
  is_done_ = true;
  changed_.notify_all();
}

size_t RecordingResponder::queued_bytes() const {
  const std::lock_guard lock(mutex_);
  return is_reading_ ? 0 : 2 * http::kMaxQueuedBytes;
}

bool RecordingResponder::is_closed() const {
  const std::lock_guard lock(mutex_);
  return is_closed_;
}

void RecordingResponder::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
}

void RecordingResponder::set_reading(bool is_reading) {
  const std::lock_guard lock(mutex_);
  is_reading_ = is_reading;
}

void RecordingResponder::wait() {
  std::unique_lock lock(mutex_);
  ASSERT_TRUE(changed_.wait_for(lock, kPatience, [this] { return is_done_; }));
}

void RecordingResponder::wait_for_bytes(size_t bytes) {
  std::unique_lock lock(mutex_);
  ASSERT_TRUE(changed_.wait_for(lock, kPatience,
                                [&] { return is_done_ || response_.body.size() >= bytes; }));
}

int RecordingResponder::status() const {
  const std::lock_guard lock(mutex_);
  return response_.status;
}

std::string RecordingResponder::body() const {
  const std::lock_guard lock(mutex_);
  return response_.body;
}

http::Headers RecordingResponder::headers() const {
  const std::lock_guard lock(mutex_);
  return response_.headers;
}

std::pair<std::string, std::string> RecordingResponder::trailer() const {
  const std::lock_guard lock(mutex_);
  return trailer_;
}

bool RecordingResponder::is_done() const {
  const std::lock_guard lock(mutex_);
  return is_done_;
}

nlohmann::json RecordingResponder::json() const {
  return nlohmann::json::parse(body(), nullptr, false);
}

std::vector<nlohmann::json> RecordingResponder::events() const {
  const std::string text = body();
  std::vector<nlohmann::json> events;
  bool has_ended = false;
  size_t begin = 0;
  for (size_t end = text.find("\n\n"); end != std::string::npos; end = text.find("\n\n", begin)) {
    const std::string line = text.substr(begin, end - begin);
    begin = end + 2;
    EXPECT_FALSE(has_ended) << "nothing comes after [DONE]";
    EXPECT_TRUE(line.starts_with("data: ")) << line;
    has_ended = line == "data: [DONE]";
    if (!has_ended) {
      events.push_back(nlohmann::json::parse(line.substr(6), nullptr, false));
    }
  }
  EXPECT_EQ(begin, text.size());
  EXPECT_TRUE(has_ended);
  return events;
}

}  // namespace levin::serve::api::testing
