// Bytes of a connection -> one HTTP/1.x request, without sockets.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "serve/http/exchange.h"

namespace levin::serve::http {

/// What stands before a body.
struct RequestHead {
  std::string method;
  std::string target;  ///< as sent
  Headers headers;
  bool is_http_1_0 = false;
  bool is_keep_alive = false;  ///< the client wants to use the connection again
  bool has_body = false;
  bool expects_continue = false;  ///< waits for "100 Continue" before it sends the body
};

/// Reads one request. Wraps Boost.Beast's parser, which refuses ambiguous framing (a length beside
/// chunks, two lengths); what it does not refuse and this does: requests without or with two Host
/// headers, versions other than 1.0 and 1.1, transfer codings other than chunked.
class RequestParser {
 public:
  RequestParser(size_t max_header_bytes, size_t max_body_bytes);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  enum class State { kHead, kBody, kComplete, kFailed };

  /// Takes what it can use of `bytes` and returns how many those are; the caller presents the rest
  /// again with more behind it. Stops once at the end of the head, so that the caller can judge it.
  size_t feed(std::string_view bytes);

  [[nodiscard]] State state() const noexcept { return state_; }
  /// From kBody on.
  [[nodiscard]] const RequestHead& head() const noexcept { return head_; }
  /// The body; once, in kComplete.
  [[nodiscard]] std::string take_body();

  /// In kFailed: 400, 413, 431, 501 or 505 and a sentence for the client.
  [[nodiscard]] int failure_status() const noexcept { return failure_status_; }
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

 private:
  struct Beast;

  void finish_head();
  void fail(int status, std::string message);

  std::unique_ptr<Beast> beast_;
  size_t max_header_bytes_;
  size_t max_body_bytes_;
  size_t header_bytes_ = 0;  // taken so far
  State state_ = State::kHead;
  RequestHead head_;
  int failure_status_ = 0;
  std::string failure_;
};

/// A request target taken apart.
struct Target {
  std::string path;   ///< percent-decoded, begins with '/'
  std::string query;  ///< as sent, without '?'
};

/// Takes "/path?query" and "http://host/path?query"; nothing for other forms, broken escapes and
/// control characters.
[[nodiscard]] std::optional<Target> parse_target(std::string_view target);

}  // namespace levin::serve::http
