// The answer to one request: what handlers write, as bytes for the socket.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "serve/http/exchange.h"
#include "serve/http/wire.h"

namespace levin::serve::http {

/// What the request decides about the form of its answer.
struct AnswerForm {
  Headers headers;           ///< sent with the answer unless it has the name itself
  bool is_head = false;      ///< HEAD: no body
  bool is_http_1_0 = false;  ///< no chunks
  bool is_last = false;      ///< the connection closes behind it
};

/// A queue between the threads of handlers, which fill it, and the network thread, which empties
/// it. The first group of functions is Responder's; the second belongs to the connection.
class Answer final : public Responder {
 public:
  /// `wake` tells the network thread that there is something to do; it is called under the lock
  /// and must neither block nor call back.
  Answer(AnswerForm form, std::function<void()> wake);

  void send(Response response) override;
  void expect_long_wait(LongWait wait, std::string trailer) override;
  void start_stream(int status, std::string content_type, Headers headers) override;
  void write(std::string piece) override;
  void finish(std::string trailer_value) override;
  [[nodiscard]] size_t queued_bytes() const override;
  [[nodiscard]] bool is_closed() const override;

  /// The responder for a handler. When it lets go of it without having answered, the client gets
  /// status 500, or within a stream the end of the connection.
  [[nodiscard]] static std::shared_ptr<Responder> for_handler(std::shared_ptr<Answer> answer);

  enum class Progress {
    kOpen,      ///< more comes
    kFinished,  ///< nothing comes behind the bytes taken so far
    kBroken,    ///< the handler gave up within a stream
  };
  /// Moves everything queued into `bytes` (empty: nothing queued).
  Progress take(std::string& bytes);
  /// What a client hears that has waited for the whole interval; may be empty.
  [[nodiscard]] std::string keep_alive_bytes();
  /// Bytes of take() and keep_alive_bytes() that the socket took.
  void written(size_t bytes);
  /// All is sent, or the client has gone. From then on nothing is queued and `wake` is never
  /// called.
  void close();

  [[nodiscard]] bool is_stream() const;
  [[nodiscard]] bool is_last() const;  ///< the connection must close behind this answer
  [[nodiscard]] int status() const;    ///< the handler's, 0 before it has one
  [[nodiscard]] size_t sent_bytes() const { return sent_bytes_.load(); }

 private:
  enum class Phase { kWaiting, kWaitingAloud, kStreaming, kFinished, kBroken };

  void abandon();
  void begin_chunks(int status, std::string_view content_type, Headers headers);
  void begin_stream(int status, std::string_view content_type, Headers headers);
  void push(std::string bytes);
  void push_body(std::string piece);
  void end_body(std::string_view trailer_value);
  [[nodiscard]] std::string framed(std::string piece) const;

  mutable std::mutex mutex_;  // guards what is not atomic below
  AnswerForm form_;
  std::function<void()> wake_;
  std::string queue_;
  Phase phase_ = Phase::kWaiting;
  Framing framing_ = Framing::kLength;
  std::string keep_alive_;             // a piece that means nothing to the reader
  std::optional<LongWait> long_wait_;  // expect_long_wait
  std::string trailer_;                // its header
  bool is_stream_ = false;
  bool is_closed_ = false;
  int status_ = 0;
  std::atomic<size_t> queued_bytes_ = 0;  // in queue_ or in the hands of the connection
  std::atomic<size_t> sent_bytes_ = 0;
};

}  // namespace levin::serve::http
