#include "serve/http/answer.h"

#include <utility>

#include "serve/http/error_response.h"

namespace levin::serve::http {
namespace {

constexpr std::string_view kEventStream = "text/event-stream";
constexpr const char* kEventComment = ": keep-alive\n\n";
constexpr const char* kEmptyLine = "\n";

}  // namespace

Answer::Answer(AnswerForm form, std::function<void()> wake)
    : form_(std::move(form)), wake_(std::move(wake)) {}

void Answer::push(std::string bytes) {
  queued_bytes_ += bytes.size();
  if (queue_.empty()) {
    queue_ = std::move(bytes);
  } else {
    queue_ += bytes;
  }
  wake_();
}

std::string Answer::framed(std::string piece) const {
  if (form_.is_head) {
    return {};
  }
  return framing_ == Framing::kChunked ? format_chunk(piece) : std::move(piece);
}

void Answer::push_body(std::string piece) { push(framed(std::move(piece))); }

void Answer::end_body(std::string_view trailer_value) {
  phase_ = Phase::kFinished;
  const bool is_chunked = framing_ == Framing::kChunked && !form_.is_head;
  push(is_chunked ? format_last_chunk(trailer_, trailer_value) : std::string());
}

void Answer::begin_chunks(int status, std::string_view content_type, Headers headers) {
  framing_ = form_.is_http_1_0 ? Framing::kUntilClose : Framing::kChunked;
  form_.is_last = form_.is_last || form_.is_http_1_0;
  if (framing_ == Framing::kChunked && !trailer_.empty()) {
    headers.emplace_back("Trailer", trailer_);
  }
  push(format_head({.status = status,
                    .content_type = content_type,
                    .headers = &headers,
                    .defaults = &form_.headers,
                    .framing = framing_,
                    .content_length = 0,
                    .is_last = form_.is_last}));
}

void Answer::begin_stream(int status, std::string_view content_type, Headers headers) {
  is_stream_ = true;
  if (content_type.starts_with(kEventStream)) {
    keep_alive_ = kEventComment;
    headers.emplace_back("Cache-Control", "no-cache");
    headers.emplace_back("X-Accel-Buffering", "no");  // nginx would hold the pieces back
  }
  begin_chunks(status, content_type, std::move(headers));
}

void Answer::send(Response response) {
  const std::lock_guard lock(mutex_);
  if (is_closed_ || (phase_ != Phase::kWaiting && phase_ != Phase::kWaitingAloud)) {
    return;
  }
  status_ = response.status;
  if (phase_ == Phase::kWaitingAloud) {
    push_body(is_stream_ ? "data: " + response.body + "\n\n" : std::move(response.body));
    end_body(find_header(response.headers, trailer_));
    return;
  }
  std::string bytes = format_head({.status = response.status,
                                   .content_type = response.content_type,
                                   .headers = &response.headers,
                                   .defaults = &form_.headers,
                                   .framing = Framing::kLength,
                                   .content_length = response.body.size(),
                                   .is_last = form_.is_last});
  if (!form_.is_head && !has_no_body(response.status)) {
    bytes += response.body;
  }
  phase_ = Phase::kFinished;
  push(std::move(bytes));
}

void Answer::expect_long_wait(LongWait wait, std::string trailer) {
  const std::lock_guard lock(mutex_);
  long_wait_ = wait;
  trailer_ = std::move(trailer);
}

void Answer::start_stream(int status, std::string content_type, Headers headers) {
  const std::lock_guard lock(mutex_);
  const bool has_begun = phase_ == Phase::kWaitingAloud && is_stream_;
  if (is_closed_ || (phase_ != Phase::kWaiting && !has_begun)) {
    return;
  }
  status_ = status;
  phase_ = Phase::kStreaming;
  if (!has_begun) {
    begin_stream(status, content_type, std::move(headers));
  }
}

void Answer::write(std::string piece) {
  const std::lock_guard lock(mutex_);
  if (!is_closed_ && phase_ == Phase::kStreaming && !piece.empty()) {
    push_body(std::move(piece));
  }
}

void Answer::finish(std::string trailer_value) {
  const std::lock_guard lock(mutex_);
  if (!is_closed_ && phase_ == Phase::kStreaming) {
    end_body(trailer_value);
  }
}

size_t Answer::queued_bytes() const { return queued_bytes_.load(); }

bool Answer::is_closed() const {
  const std::lock_guard lock(mutex_);
  return is_closed_;
}

std::shared_ptr<Responder> Answer::for_handler(std::shared_ptr<Answer> answer) {
  Responder* responder = answer.get();
  return {responder, [kept = std::move(answer)](Responder*) { kept->abandon(); }};
}

void Answer::abandon() {
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_ || phase_ == Phase::kFinished) {
      return;  // as nearly always
    }
    if (phase_ == Phase::kStreaming) {
      phase_ = Phase::kBroken;
      wake_();
      return;
    }
  }
  send(error_response(500, "the server gave no answer; please report it"));
}

Answer::Progress Answer::take(std::string& bytes) {
  const std::lock_guard lock(mutex_);
  bytes = std::exchange(queue_, {});
  if (phase_ == Phase::kBroken) {
    return Progress::kBroken;
  }
  return phase_ == Phase::kFinished ? Progress::kFinished : Progress::kOpen;
}

std::string Answer::keep_alive_bytes() {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::kWaiting && long_wait_.has_value() && !is_closed_) {
    phase_ = Phase::kWaitingAloud;
    if (*long_wait_ == LongWait::kEvents) {
      begin_stream(200, kEventStreamType, {});
    } else {
      keep_alive_ = kEmptyLine;
      begin_chunks(200, "application/json", {});
    }
  }
  const bool is_open = phase_ == Phase::kStreaming || phase_ == Phase::kWaitingAloud;
  std::string bytes = std::exchange(queue_, {});
  if (is_open && !keep_alive_.empty() && !is_closed_) {
    const std::string piece = framed(keep_alive_);
    queued_bytes_ += piece.size();
    bytes += piece;
  }
  return bytes;
}

void Answer::written(size_t bytes) {
  queued_bytes_ -= bytes;
  sent_bytes_ += bytes;
}

void Answer::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  wake_ = nullptr;
  queue_.clear();
  queued_bytes_ = 0;
}

bool Answer::is_stream() const {
  const std::lock_guard lock(mutex_);
  return is_stream_;
}

bool Answer::is_last() const {
  const std::lock_guard lock(mutex_);
  return form_.is_last;
}

int Answer::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace levin::serve::http
