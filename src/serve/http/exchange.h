// One HTTP exchange as a handler sees it: a request, and a way to answer it from any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace levin::serve::http {

/// Names compare without case. In the order of the wire.
using Headers = std::vector<std::pair<std::string, std::string>>;

/// The first header of that name; empty if there is none.
[[nodiscard]] std::string_view find_header(const Headers& headers, std::string_view name);

/// True if the two names are equal but for the case of ASCII letters.
[[nodiscard]] bool is_same_name(std::string_view left, std::string_view right) noexcept;

struct Request {
  std::string id;      ///< unique; also sent back as X-Request-Id
  std::string method;  ///< "GET", "POST", ...
  std::string path;    ///< percent-decoded, without the query
  std::string query;   ///< as sent, without the question mark
  Headers headers;
  std::string body;  ///< whole, within the limit of the listener
  std::string remote_address;
  bool is_loopback = false;  ///< the peer is this machine
  /// When its last byte had come.
  std::chrono::steady_clock::time_point arrived = std::chrono::steady_clock::now();
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  Headers headers = {};  ///< further ones
};

/// Content type of server-sent events.
inline constexpr const char* kEventStreamType = "text/event-stream; charset=utf-8";

/// What a client is told that waits long for an answer that has not begun.
enum class LongWait {
  kBody,    ///< status 200, JSON, and an empty line per interval, as the DeepSeek API does
  kEvents,  ///< status 200, server-sent events, and a comment per interval
};

/// The answer to one request. Every function may be called from any thread and never blocks; after
/// the client has gone all of them do nothing. Exactly one of send and start_stream is called.
class Responder {
 public:
  virtual ~Responder() = default;

  virtual void send(Response response) = 0;

  /// Says that the answer may take long to begin; call it when nothing but the answer is left to
  /// do, before anybody can begin it. After the keep-alive interval without it the client gets what
  /// LongWait says. A later send() then adds its body alone, as an event to kEvents; a later
  /// start_stream() of such events adds nothing. `trailer` names the header (empty: none) whose
  /// value may come behind the body: finish() brings it, and a send() that is late.
  virtual void expect_long_wait(LongWait wait, std::string trailer) = 0;

  /// Begins an answer of unknown length (chunked).
  virtual void start_stream(int status, std::string content_type, Headers headers) = 0;
  /// Queues a piece of the stream: whole events, for keep-alive comments go between the pieces.
  virtual void write(std::string piece) = 0;
  /// Ends the stream; the connection may carry a next request. `trailer_value` is that of the
  /// trailer (empty: none comes); HTTP/1.0 has no place for it.
  virtual void finish(std::string trailer_value) = 0;

  /// Bytes queued and not yet taken by the socket: a producer pauses when the client lags.
  [[nodiscard]] virtual size_t queued_bytes() const = 0;
  /// True once the client has gone, was cut off, or has the whole answer.
  [[nodiscard]] virtual bool is_closed() const = 0;
};

/// Takes a request; answers now or later, from any thread. Lane says where it runs: on one of a few
/// handler threads parsing and tokenising are fine, waiting for the model is not; a client that has
/// gone by then is not answered. What it throws before it has answered becomes an error body
/// (base::Error by its code, anything else 500).
using Handler = std::function<void(Request request, std::shared_ptr<Responder> responder)>;

}  // namespace levin::serve::http
