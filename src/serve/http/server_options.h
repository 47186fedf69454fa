// What the HTTP server is told: where to listen, whom to answer, and every limit.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace levin::serve::http {

/// Of one stream; with more than that waiting its reader lags.
inline constexpr size_t kMaxQueuedBytes = size_t{1} << 20;

/// Every byte of input may be hostile: these bound what one client can take.
struct Limits {
  size_t max_header_bytes = size_t{16} << 10;
  size_t max_body_bytes = size_t{32} << 20;
  size_t max_arriving_bytes = size_t{512} << 20;  ///< bodies being received, all together
  size_t max_arriving_bytes_per_client = size_t{256} << 20;  ///< of one address
  size_t max_queued_bytes = kMaxQueuedBytes;
  size_t max_connections = 1024;
  size_t max_connections_per_address = 256;  ///< an IPv6 address counts with its /64

  std::chrono::milliseconds header_time{10'000};  ///< TLS handshake; first byte to end of header
  std::chrono::milliseconds body_time{60'000};    ///< end of header to end of body
  std::chrono::milliseconds idle_time{75'000};    ///< between two requests of a connection
  std::chrono::milliseconds lag_time{60'000};     ///< a reader that lags is cut off after that
  std::chrono::milliseconds keep_alive_interval{10'000};  ///< silence that a waiting client hears
};

/// One finished exchange, for the log: never content, query or headers.
struct ExchangeRecord {
  std::string id;
  std::string method;
  std::string path;  ///< empty if the request could not be read
  std::string remote_address;
  int status = 0;
  size_t received_bytes = 0;  ///< of the body
  size_t sent_bytes = 0;      ///< with header and framing
  std::chrono::milliseconds duration{0};
  bool is_handled = false;   ///< false: refused before any handler saw it
  bool is_complete = false;  ///< false: the client went, or was cut off, before the end
};

struct ServerOptions {
  std::string address = "127.0.0.1";  ///< IPv4 or IPv6, or a name that resolves to one
  uint16_t port = 8080;               ///< 0: any free one
  /// Values of Host besides localhost and addresses; "*" allows all (DNS rebinding then works).
  std::vector<std::string> allowed_hosts;
  /// Origins ("https://app.example") whose pages may call; "*" allows all.
  std::vector<std::string> cors_origins;
  std::string tls_cert_file;  ///< PEM, with the chain; empty: no TLS
  std::string tls_key_file;   ///< PEM
  int handler_threads = 4;
  Limits limits;
  /// Called on the network thread; must not block.
  std::function<void(const ExchangeRecord&)> on_exchange;
  /// Connections that found no room since the last call, at most once a second: nobody has read
  /// what they wanted, so they are no exchanges. Called on the network thread; must not block.
  std::function<void(size_t connections)> on_turned_away;
  /// A handler threw something that its client is not told: request id and reason. Any thread.
  std::function<void(std::string_view id, std::string_view reason)> on_failure;
};

}  // namespace levin::serve::http
