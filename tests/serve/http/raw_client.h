// A client that sends exactly the bytes it is told, and a server on a free port.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace levin::serve::http {

/// A TCP connection to 127.0.0.1. Test failures are exceptions.
class RawClient {
 public:
  explicit RawClient(uint16_t port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  /// Sends all; false if the server has closed.
  bool send(std::string_view bytes);
  /// Reads until `text` has come (returns all up to and including it), the end, or 10 s.
  std::string read_until(std::string_view text);
  /// Reads what is there, at most 16 KiB; false at the end or after the time.
  bool read_once(std::chrono::milliseconds time) { return read_some(time); }
  /// Reads until the server closes, or 10 s.
  std::string read_all();
  /// Reads one response with Content-Length, or a chunked one with its framing.
  std::string read_response();
  /// True if the server closes within the time.
  bool is_closed_within(std::chrono::milliseconds time);
  /// Goes away without a word (RST).
  void vanish();
  /// A small receive buffer: a reader that lags soon holds the sender up.
  static constexpr int kReceiveBytes = 4096;

 private:
  /// False at the end or after the time.
  bool read_some(std::chrono::milliseconds time);

  int fd_ = -1;
  bool is_at_end_ = false;
  std::string received_;
};

/// "GET path HTTP/1.1" with Host, further header lines ("A: b\r\n") and an empty line.
[[nodiscard]] std::string get(std::string_view path, std::string_view headers = "");
/// A POST of JSON.
[[nodiscard]] std::string post(std::string_view path, std::string_view body,
                               std::string_view headers = "");

/// The status of a response; 0 if it is none.
[[nodiscard]] int status_of(std::string_view response);
/// A header's value; empty if it is not there.
[[nodiscard]] std::string header_of(std::string_view response, std::string_view name);
/// What follows the header.
[[nodiscard]] std::string body_of(std::string_view response);

}  // namespace levin::serve::http
