// What the service counts, in the text format of Prometheus.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "serve/api/engine_host.h"
#include "serve/api/spending.h"

namespace levin::serve::api {

/// Of the HTTP server.
struct ConnectionCounts {
  size_t open = 0;
  size_t refused = 0;  ///< since the start: these found no room
};

/// What the exposition tells of the moment.
struct MomentStats {
  EngineHostStats engine;
  std::optional<ConnectionCounts> connections;  ///< nothing: not told
};

/// Every function may be called from any thread.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// A request has been answered or refused. `endpoint` is one of the few paths of the API, or
  /// "other".
  void count_request(const std::string& endpoint, int status);
  /// A request of the model has ended: the finish_reason of its answer, "failed" or "client_gone".
  void count_answer(const std::string& outcome);
  /// From the arrival of a request to its first token.
  void observe_first_token(double seconds);
  /// Between two tokens of one answer.
  void observe_token_gap(double seconds);
  /// The tokens of a request that has ended.
  void count_tokens(const Spending& spending);

  /// The exposition: the above, the state of the engine and the memory of the process.
  [[nodiscard]] std::string to_text(const MomentStats& moment) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace levin::serve::api
