// The HTTP server: a listener, one network thread, and a few threads for handlers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "serve/http/router.h"
#include "serve/http/server_options.h"

namespace levin::serve::http {

/// Serves from the end of the constructor until drain or the destructor.
class Server {
 public:
  /// Binds, listens and starts the threads. Throws Error(kInvalidArgument) for an address that is
  /// none, Error(kIo) if it cannot be bound, and as make_tls_context does.
  Server(ServerOptions options, Router router);
  /// drain(0).
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The port bound, also where the options say 0.
  [[nodiscard]] uint16_t port() const noexcept;

  /// Connections that found no room since the start, for metrics. Any thread.
  [[nodiscard]] size_t turned_away() const noexcept;

  /// The routes of requests whose head is read from now on; those under way keep their handlers.
  /// Returns once that holds. Not during or after drain. Called once.
  void set_routes(Router router);

  /// Open connections now, for metrics. Any thread.
  [[nodiscard]] size_t connections() const noexcept;

  /// Stops listening, closes idle connections, lets running exchanges end for at most `limit`, then
  /// closes them. Returns how many were cut off. Afterwards no handler runs any more, and answers
  /// that are still held do nothing.
  size_t drain(std::chrono::milliseconds limit);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace levin::serve::http
